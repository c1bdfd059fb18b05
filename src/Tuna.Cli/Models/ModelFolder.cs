using System.Security.Cryptography;
using Tuna.Cli.Hosting;
using Tuna.IO;
using Tuna.Text;
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
        CheckSums(folder);
    }

    /// <exception cref="StageException">The tokenizer has ids that the model does not know.</exception>
    public static void RequireMatch(ITokenizer tokenizer, int vocabulary, string folder) => tokenizer.RequireFit(vocabulary, folder);

    // A checkpoint of a run is a model folder, too, and says what its files held.
    private static void CheckSums(string folder)
    {
        const string Name = "checksums.sha256";
        string stated = Path.Combine(folder, Name);
        SpecialFile.Refuse(stated);
        if (!File.Exists(stated))
            return;
        foreach (string line in File.ReadLines(stated).Where(line => line.Length > 0))
        {
            string file = line.Split("  ", 2) is [_, { Length: > 0 } name] && name.AsSpan().IndexOf("..") < 0 && !Path.IsPathRooted(name)
                ? name : throw new StageException($"{stated}: a line is no checksum: {ForeignText.Shorten(line, 80)}.");
            string path = Path.Combine(folder, file);
            if (!File.Exists(path) || line[..line.IndexOf(' ', StringComparison.Ordinal)] != Sha256(path))
                throw new StageException(
                    $"{path} is not what {Name} beside it states: the checkpoint is damaged. Use the one before, or, where a file was "
                    + $"changed on purpose, delete {Name}.");
        }
    }

    private static string Sha256(string path)
    {
        SpecialFile.Refuse(path);
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Inside(string folder)
    {
        string? nested = Directory.EnumerateDirectories(folder).FirstOrDefault(f => File.Exists(Path.Combine(f, "config.json")));
        return nested is null ? "" : $"Is it {nested}?";
    }
}
