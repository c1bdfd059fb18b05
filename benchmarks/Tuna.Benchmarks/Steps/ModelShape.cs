using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;

namespace Tuna.Benchmarks.Steps;

/// <summary>A model by its sizes: hidden, layers, heads, key/value heads, MLP, vocabulary.</summary>
internal static class ModelShape
{
    private static readonly Dictionary<string, string> Names = new() { ["15m"] = "288,6,6,6,768,32000", ["40m"] = "512,8,8,8,1376,32000" };

    /// <summary>Reads six sizes, or one of the names 15m and 40m.</summary>
    /// <exception cref="ArgumentException">The text is not six sizes.</exception>
    public static LlamaConfig Parse(string text, bool untied = false)
    {
        int[] n;
        try
        {
            n = Ints(Names.GetValueOrDefault(text, text));
        }
        catch (FormatException)
        {
            n = [];
        }

        if (n.Length != 6)
            throw new ArgumentException($"'{text}' is not hidden,layers,heads,kv_heads,intermediate,vocabulary, 15m or 40m.", nameof(text));
        return new LlamaConfig
        {
            HiddenSize = n[0],
            LayerCount = n[1],
            HeadCount = n[2],
            KeyValueHeadCount = n[3],
            HeadDimension = n[0] / n[2],
            IntermediateSize = n[4],
            VocabularySize = n[5],
            TieWordEmbeddings = !untied,
            ContextLength = 8192,
        }.Validate(text);
    }

    public static int[] Ints(string list) => [.. list.Split(',').Select(x => int.Parse(x, CultureInfo.InvariantCulture))];
}
