using Tuna.Cli.Hosting;
using Tuna.Tokenization;
using Tuna.Tokenizers;

namespace Tuna.Cli.Models;

/// <summary>Files of a model folder that are not weights.</summary>
internal static class ModelFolder
{
    private static readonly string[] TokenizerFiles =
        ["tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "generation_config.json", "vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json"];

    /// <summary>Takes the tokenizer along, so that the new folder stands alone.</summary>
    public static void CopyTokenizer(string from, string to)
    {
        foreach (string name in TokenizerFiles)
        {
            string source = Path.Combine(from, name), target = Path.Combine(to, name);
            if (File.Exists(source) && !File.Exists(target))
                File.Copy(source, target);
        }
    }

    /// <summary>Requires a folder that can hold a model.</summary>
    /// <exception cref="StageException">It is not there, is a file, or has no config.json; says what to do.</exception>
    public static void Require(string folder)
    {
        if (File.Exists(folder))
            throw new StageException(
                $"{folder} is a file; a model is a folder in the Hugging Face layout (config.json, *.safetensors, the tokenizer's files).");
        if (!Directory.Exists(folder))
        {
            throw new StageException(
                $"There is no model folder {folder}. `tuna new` makes one with random weights; a stage that did not finish leaves none. A "
                + $"name on the hub is owner/name.");
        }

        if (!File.Exists(Path.Combine(folder, "config.json")))
            throw new StageException(
                $"{folder} has no config.json: it is no model folder in the Hugging Face layout (config.json, *.safetensors, the "
                + $"tokenizer's files). {Inside(folder)}");
    }

    /// <exception cref="StageException">The tokenizer has ids that the model does not know.</exception>
    public static void RequireMatch(ITokenizer tokenizer, int vocabulary, string folder) => tokenizer.RequireFit(vocabulary, folder);

    private static string Inside(string folder)
    {
        string? nested = Directory.EnumerateDirectories(folder).FirstOrDefault(f => File.Exists(Path.Combine(f, "config.json")));
        return nested is null ? "" : $"Is it {nested}?";
    }
}
