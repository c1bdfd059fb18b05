using System.Globalization;
using Tuna.Cli.Recipes;
using Tuna.Cli.Training;

namespace Tuna.Cli.Rounds;

/// <summary>The stages of a round as commands.</summary>
internal static class RoundStages
{
    /// <summary>Samples, ranks and trains.</summary>
    /// <param name="s">What the rounds are to do.</param>
    /// <param name="round">1-based.</param>
    public static IReadOnlyList<PlannedStage> Learning(RoundsSettings s, int round)
    {
        RoundFolder files = s.Files(round);
        string before = s.PolicyAfter(round - 1);
        return
        [
            Stage(files, "samples", "sample", s.Sampler,
            [
                .. s.Sampler switch
                {
                    { IsService: true } => [("--teacher", s.Sampler.In(round))],
                    { IsLocal: true } => [("--model", s.Sampler.What), .. s.Asking],
                    _ => Options([("--model", before), .. s.Asking]),
                },
                ("--data", s.PromptsOf(round)), ("--out", files.Samples), ("--seed", Seed(s, round)), .. s.Sample.Options,
            ]),
            Ranking(s, round, "ranking", files.Samples, files.Ranked),
            Stage(files, "training", "train", null,
            [
                ("--model", before), ("--data", files.Ranked), ("--out", files.Model), ("--objective", s.Objective),
                .. Reference(s, round), .. s.Training, ("--held-out", Number(s.HeldOut)), ("--split-seed", Number(s.SplitSeed)),
                ("--seed", Seed(s, round)), .. s.Train.Options,
            ]),
        ];
    }

    /// <summary>Answers the held-out prompts with the policy after a round.</summary>
    public static PlannedStage Answers(RoundsSettings s, int round)
    {
        (string, string?)[] longest = s.Answer["max-new-tokens"] is null && s.Sample["max-new-tokens"] is { } most
            ? [("--max-new-tokens", most)] : [];
        return Stage(s.Files(round), "answers", "generate", null,
        [
            ("--model", s.PolicyAfter(round)), .. s.Asking, ("--data", s.HeldOutRows), ("--out", s.Files(round).Answers), .. longest,
            .. s.Answer.Options,
        ]);
    }

    /// <summary>Lets the judge compare them with those of round 0.</summary>
    public static PlannedStage Verdicts(RoundsSettings s, int round) =>
        Ranking(s, round, "verdicts", s.Files(round).Pairs, s.Files(round).Verdicts);

    /// <summary>All of them, to be checked before the first one runs.</summary>
    public static IEnumerable<PlannedStage> All(RoundsSettings s, bool answers)
    {
        if (answers)
            yield return Answers(s, 0);
        for (int round = 1; round <= s.Rounds; round++)
        {
            foreach (PlannedStage stage in Learning(s, round))
                yield return stage;
            if (!answers)
                continue;
            yield return Answers(s, round);
            if (s.Compares)
                yield return Verdicts(s, round);
        }
    }

    private static PlannedStage Ranking(RoundsSettings s, int round, string name, string data, string output) =>
        Stage(s.Files(round), name, "rank", s.Judge,
            [("--data", data), ("--judge", s.Judge.In(round)), ("--out", output), .. s.Judge.IsLocal ? s.Asking : [], .. s.Rank.Options]);

    private static IEnumerable<(string, string?)> Reference(RoundsSettings s, int round)
    {
        // The model that a training starts from is its frozen policy where none is named.
        if (!s.ReferenceIsPrevious && round > 1 && Objectives.NeedsOf(s.Mix, s.Train.Options).ReferencePolicy)
            yield return ("--reference-model", s.Model);
    }

    private static PlannedStage Stage(RoundFolder files, string name, string command, ModelName? asked,
        IReadOnlyList<(string, string?)> options) =>
        new($"{files.Name}.{name}", [command], options, AllowPartial: true)
        {
            Course = asked is { IsService: true, Address: { } address } ? ["--base-url", address] : [],
            IsPaid = asked is { IsService: true },
        };

    private static (string, string?)[] Options((string, string?)[] options) => options;

    private static string Seed(RoundsSettings s, int round) => Number(s.Seed + (ulong)(round - 1));

    private static string Number<T>(T value)
        where T : IFormattable => value.ToString(null, CultureInfo.InvariantCulture);
}
