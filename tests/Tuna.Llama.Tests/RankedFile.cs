using System.Text.Json;
using Tuna.Llama.Batches;
using Tuna.Llama.Sampling;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>A file of ranked responses as lengths, and the shapes of attention that it meets.</summary>
internal static class RankedFile
{
    private const int Count = 600;

    /// <summary>Shapes of attention, group by group: batch, queries and keys of the prompts, and of the responses side by side.</summary>
    public static int ShapesGroupByGroup(IEnumerable<TokenGroup> groups)
    {
        var shapes = new HashSet<(int, int, int)>();
        foreach (Segment segment in groups.SelectMany(group => PackedBatch.Of([group], HeadRows.Predicting).Segments))
        {
            shapes.Add((1, segment.PromptLength, segment.PromptLength));
            shapes.Add((segment.Responses.Count, segment.Responses.Max(r => r.Length), segment.PromptLength));
        }

        return shapes.Count;
    }

    /// <summary>Sampling 256 tokens for 64 prompts at once: the sizes of the cache, which the device's decoding depends on, and the lengths
    /// that libtorch's masked attention sees on a GPU.</summary>
    public static (int Rooms, int Lengths) SamplingShapes(IEnumerable<TokenGroup> groups)
    {
        var rooms = new HashSet<int>();
        var lengths = new HashSet<int>();
        foreach (TokenGroup[] batch in groups.Chunk(64))
        {
            int room = Decoder.Room(batch.Max(g => g.Prompt.Length) + 256);
            rooms.Add(room);
            foreach (TokenGroup group in batch)
                lengths.UnionWith(Enumerable.Range(group.Prompt.Length, 256)
                    .Select(place => PlainDecodePlan.Length(place, room, onCpu: false)));
        }

        return (rooms.Count, lengths.Count);
    }

    /// <summary>Lengths as instruction data has them; or those of the file of ranked responses that TUNA_RANKED_FILE names, four characters
    /// a token.</summary>
    public static IEnumerable<TokenGroup> Groups()
    {
        if (Environment.GetEnvironmentVariable("TUNA_RANKED_FILE") is { Length: > 0 } path)
            return File.ReadLines(path).Where(l => l.Length > 0).Select(OfRow);
        var rng = new Rng(7);
        int Length(double median, double spread, int most) => (int)Math.Clamp(median * Math.Exp(spread * rng.NextGaussian()), 2, most);
        return [.. Enumerable.Range(0, Count)
            .Select(_ => Group(Length(45, 0.8, 600), [.. Enumerable.Range(0, 4).Select(_ => Length(90, 0.7, 500))]))];
    }

    private static TokenGroup OfRow(string row)
    {
        using JsonDocument json = JsonDocument.Parse(row);
        int Tokens(JsonElement text) => Math.Clamp(text.GetString()!.Length / 4, 2, 1000);
        return Group(Tokens(json.RootElement.GetProperty("instruction")),
            [.. json.RootElement.GetProperty("output").EnumerateArray().Select(Tokens)]);
    }

    private static TokenGroup Group(int prompt, int[] responses) =>
        new("group", new int[prompt], [.. responses.Select(n => (ReadOnlyMemory<int>)new int[n])], new double[responses.Length]);
}
