using Tuna.Cli.Training;

namespace Tuna.Cli.Rounds;

/// <summary>What the rounds are to do.</summary>
internal sealed record RoundsSettings
{
    /// <summary>The policy that the first round starts from.</summary>
    public required string Model { get; init; }

    public required string Work { get; init; }

    /// <summary>How many, >= 1.</summary>
    public required int Rounds { get; init; }

    /// <summary>Who answers the prompts: <c>policy</c> without a folder is the policy of the round before.</summary>
    public required ModelName Sampler { get; init; }

    public required ModelName Judge { get; init; }

    /// <summary>What the training of a round learns.</summary>
    public required ObjectiveMix Mix { get; init; }

    public string Objective => Mix.Name;

    /// <summary>Whether the frozen policy of objectives that have one is that of the round before; otherwise the first one.</summary>
    public required bool ReferenceIsPrevious { get; init; }

    /// <summary>Prompts of a round; 0 for all of them in each.</summary>
    public required int Rows { get; init; }

    /// <summary>Share of the rows that no round trains on.</summary>
    public required double HeldOut { get; init; }

    public required ulong SplitSeed { get; init; }

    /// <summary>Of the first round; each further one has the next.</summary>
    public required ulong Seed { get; init; }

    public required StageWords Sample { get; init; }

    public required StageWords Rank { get; init; }

    public required StageWords Train { get; init; }

    /// <summary>Of the answers that are compared.</summary>
    public required StageWords Answer { get; init; }

    /// <summary>Options of engine and tokenizer for stages that only ask a model.</summary>
    public required IReadOnlyList<(string Option, string? Value)> Asking { get; init; }

    /// <summary>The same for stages that train.</summary>
    public required IReadOnlyList<(string Option, string? Value)> Training { get; init; }

    /// <summary>The policy after a round.</summary>
    public string PolicyAfter(int round) => round == 0 ? Model : Files(round).Model;

    public RoundFolder Files(int round) => new(Work, round);

    /// <summary>All instructions, those held out included.</summary>
    public string Instructions => Path.Combine(Work, "instructions.jsonl");

    /// <summary>Those held out.</summary>
    public string HeldOutRows => Path.Combine(Work, "held-out.jsonl");

    /// <summary>The prompts of a round.</summary>
    public string PromptsOf(int round) => Rows == 0 ? Instructions : Files(round).Prompts;

    /// <summary>Whether the judge can compare two answers: scores from log-probabilities of whoever drew them say nothing about
    /// another's.</summary>
    public bool Compares => Judge.Kind != "probabilistic";
}
