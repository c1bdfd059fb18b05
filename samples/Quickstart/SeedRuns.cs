using Quickstart.Exercises;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;

namespace Quickstart;

/// <summary>Runs the recipe for one or several seeds and reports.</summary>
internal sealed class SeedRuns(Ui ui, RecipeOptions options)
{
    public void Run(IReadOnlyList<ulong> seeds, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        using CallJournal journal = CallJournal.Open(Path.Combine(folder, "judge.journal.jsonl"));
        var spending = options.Judge.Model is null ? new CallBudget() : new CallBudget(maxCost: options.Judge.Budget, prices: options.Judge.Prices);
        if (options.Judge.Estimate(seeds.Count * ((2L * options.Instructions) + options.HeldOut)) is { } estimate)
            ui.Line(estimate);
        var results = new List<RecipeResult>();
        IReadOnlyList<Exercise> heldOut = [];
        foreach (ulong seed in seeds)
        {
            ui.Title($"Seed {seed}: SFT -> Tuna_p -> Tuna, judged by {options.Judge.Name}");
            var recipe = new Recipe(ui, options, seed, Path.Combine(folder, $"seed-{seed}"), journal, spending, cancellationToken);
            results.Add(recipe.Run(cancellationToken));
            heldOut = recipe.HeldOut;
            ui.Scores(results[^1].Stages);
        }

        if (seeds.Count > 1)
        {
            ui.Title($"Mean and standard deviation over {seeds.Count} seeds");
            ui.Table(["stage", .. StageScores.Columns.Select(c => c.Title)], Summary(results));
        }

        string file = Path.Combine(folder, "report.html");
        Save(results, seeds, heldOut, file);
        ui.Line($"Report: {Path.GetFullPath(file)}");
    }

    private static IEnumerable<string[]> Summary(List<RecipeResult> results) => results[0].Stages.Select((stage, i) => (string[])
    [
        stage.Stage,
        .. StageScores.Columns.Select(column =>
        {
            double[] values = [.. results.Select(r => column.Value(r.Stages[i]))];
            double mean = values.Average(), deviation = values.Length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
            return values.Length < 2 ? Ui.Number(mean, column.Format) : $"{Ui.Number(mean, column.Format)} ± {Ui.Number(deviation, column.Format)}";
        }),
    ]);

    private void Save(List<RecipeResult> results, IReadOnlyList<ulong> seeds, IReadOnlyList<Exercise> heldOut, string file)
    {
        RecipeResult last = results[^1];
        var page = new HtmlReport("Tuna quick start");
        page.Paragraph($"A small SFT policy, improved by ranking: N = 4 responses of a larger teacher ranked by Eq. 3 (Tuna_p), N = 4 of its own diverse samples ranked by a judge "
            + $"(Tuna_c, and Tuna when it starts from Tuna_p). \"MLE only\" trains on the same rows without the ranking term. Judge: {options.Judge.Name}. {heldOut.Count} held-out exercises; {(seeds.Count == 1 ? $"seed {seeds[0]}" : $"{seeds.Count} seeds, mean ± standard deviation")}.");
        page.Heading("Stages").Table(["stage", .. StageScores.Columns.Select(c => $"{c.Title} ({c.Unit})")], Summary(results));
        page.Heading($"Training, seed {seeds[^1]}").Charts(
            Curves.Draw("Loss", "nats", last.Training, s => s.Loss),
            Curves.Draw("Margin: mean v(better) - v(worse)", "nats per token", last.Training, s => s.Margin ?? double.NaN),
            Curves.Draw("Pairs in the ranker's order", "share", last.Training, s => s.PairAccuracy ?? double.NaN),
            Curves.Draw("Responses with a gradient", "share", last.Training, s => s.ActiveFraction));
        page.Heading("Accuracy by kind of exercise (%)").Table(["kind", .. last.Stages.Select(s => s.Stage)], heldOut.Select(e => e.Family).Distinct().Select(family => (string[])
        [
            family,
            .. last.Responses.Select(r => Ui.Number(100 * heldOut.Zip(r.Responses).Where(x => x.First.Family == family).Average(x => x.First.IsCorrect(x.Second) ? 1.0 : 0), "0")),
        ]));
        page.Heading("Responses to held-out exercises")
            .Paragraph($"Of seed {seeds[^1]}. Green: the response ends in the expected answer, as a word of its own. Red: it does not.")
            .Table(["instruction", "expected", .. last.Responses.Select(r => r.Stage)], Enumerable.Range(0, Math.Min(24, heldOut.Count)).Select(i => (string[])
        [
            heldOut[i].Instruction,
            heldOut[i].Answer,
            .. last.Responses.Select(r => (heldOut[i].IsCorrect(r.Responses[i]) ? "right|" : "wrong|") + r.Responses[i]),
        ]), text: true);
        page.Save(file);
    }
}
