namespace Tuna.Cli.Models;

/// <summary>Files of a model folder that are not weights.</summary>
internal static class ModelFolder
{
    private static readonly string[] TokenizerFiles = ["tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json", "vocab.json", "merges.txt"];

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
}
