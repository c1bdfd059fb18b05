using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Data.Groups;

namespace Tuna.Cli.Models;

/// <summary>Sizes of fresh models for the byte tokenizer.</summary>
internal static class ModelSizes
{
    /// <summary>Name, width, layers, heads, MLP width.</summary>
    public static IReadOnlyList<(string Name, int Width, int Layers, int Heads, int Mlp)> All { get; } =
    [
        ("nano", 32, 2, 2, 88),
        ("tiny", 128, 4, 4, 344),
        ("small", 256, 6, 8, 688),
        ("medium", 512, 8, 8, 1376),
    ];

    public static LlamaConfig Config(string name, int context)
    {
        var size = All.First(s => s.Name == name);
        return new LlamaConfig
        {
            VocabularySize = ByteTokenizer.Instance.VocabularySize,
            HiddenSize = size.Width,
            IntermediateSize = size.Mlp,
            LayerCount = size.Layers,
            HeadCount = size.Heads,
            KeyValueHeadCount = size.Heads,
            HeadDimension = size.Width / size.Heads,
            ContextLength = context,
            TieWordEmbeddings = true,
            BosTokenId = ByteTokenizer.Instance.BosId,
            EosTokenIds = [ByteTokenizer.Instance.EosId],
        };
    }
}
