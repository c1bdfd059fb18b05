using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Benchmarks;

/// <summary>A random model and groups of ranked responses.</summary>
internal sealed record Workload(string Name, LlamaConfig Config, IReadOnlyList<TokenGroup> Groups)
{
    public int ResponseTokens => Groups.Sum(g => g.Responses.Sum(r => r.Length));

    public static Workload Of(string size) => size switch
    {
        "small" => Create(size, new() { VocabularySize = 32000, HiddenSize = 256, IntermediateSize = 688, LayerCount = 4, HeadCount = 8,
            KeyValueHeadCount = 8, HeadDimension = 32 }, prompt: 128, longest: 96),
        "110m" => Create(size, new() { VocabularySize = 32000, HiddenSize = 768, IntermediateSize = 2048, LayerCount = 12, HeadCount = 12,
            KeyValueHeadCount = 12, HeadDimension = 64 }, prompt: 128, longest: 96),
        "1b" => Create(size, new() { VocabularySize = 32000, HiddenSize = 2048, IntermediateSize = 5632, LayerCount = 22, HeadCount = 32,
            KeyValueHeadCount = 4, HeadDimension = 64 }, prompt: 256, longest: 256),
        _ => throw new ArgumentException($"There is no size '{size}'; use small, 110m or 1b."),
    };

    private static Workload Create(string name, LlamaConfig config, int prompt, int longest)
    {
        var rng = new Rng(1);
        TokenGroup[] groups = [.. Enumerable.Range(0, 2).Select(g =>
        {
            ReadOnlyMemory<int>[] responses =
                [.. Enumerable.Range(0, 4).Select(_ => (ReadOnlyMemory<int>)Tokens((longest / 3) + rng.Next((2 * longest / 3) + 1)))];
            return new TokenGroup($"group {g}", Tokens(prompt), responses, new double[] { 4, 3, 2, 1 });
        })];
        return new Workload(name, config, groups);

        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => 3 + rng.Next(config.VocabularySize - 3))];
    }

    public override string ToString() =>
        $"{Name}: {Config.Parameters().Sum(p => p.ElementCount) / 1e6:0.0}M parameters, {Groups.Count} groups of 4 responses, prompts of "
        + $"{Groups[0].Prompt.Length} tokens, {ResponseTokens} response tokens";
}
