using System.Globalization;

namespace Tuna.Cli.Rounds;

/// <summary>Where the files of a round are: <c>WORK/round-1/</c>. Round 0 is the policy that the first round starts from.</summary>
internal sealed record RoundFolder(string Work, int Round)
{
    public string Name => string.Create(CultureInfo.InvariantCulture, $"round-{Round}");

    public string Folder => Path.Combine(Work, Name);

    /// <summary>The prompts of the round, where it has not all of them.</summary>
    public string Prompts => Path.Combine(Folder, "prompts.jsonl");

    public string Samples => Path.Combine(Folder, "samples.jsonl");

    public string Ranked => Path.Combine(Folder, "ranked.jsonl");

    public string Model => Path.Combine(Folder, "model");

    /// <summary>The policy's answers to the held-out prompts.</summary>
    public string Answers => Path.Combine(Folder, "answers.jsonl");

    /// <summary>These answers beside those of round 0.</summary>
    public string Pairs => Path.Combine(Folder, "pairs.jsonl");

    public string Verdicts => Path.Combine(Folder, "verdicts.jsonl");
}
