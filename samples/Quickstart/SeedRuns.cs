using Quickstart.Exercises;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;

namespace Quickstart;

/// <summary>Runs the recipe for one or several seeds and reports.</summary>
internal sealed class SeedRuns(Ui ui, RecipeOptions options, TimeProvider time)
{
    public void Run(IReadOnlyList<ulong> seeds, string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        using CallJournal journal = CallJournal.Open(Path.Combine(folder, "judge.journal.jsonl"));
        var spending = options.Judge.Model is null
            ? new CallBudget() : new CallBudget(maxCost: options.Judge.Budget, prices: options.Judge.Prices);
        if (options.Judge.Estimate(seeds.Count * Recipe.Calls(options)) is { } estimate)
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
            ui.Table(SummaryTable.Header, SummaryTable.Rows(results));
        }

        ui.Title("Accuracy beyond SFT and beyond likelihood alone");
        ui.Table(GainTable.Header, GainTable.Rows(results, heldOut));
        string file = Path.Combine(folder, "report.html");
        Save(results, seeds, heldOut, file);
        ui.Line($"Report: {Path.GetFullPath(file)}");
    }

    private void Save(List<RecipeResult> results, IReadOnlyList<ulong> seeds, IReadOnlyList<Exercise> heldOut, string file)
    {
        RecipeResult last = results[^1];
        var page = new HtmlReport("Tuna quick start");
        page.Note(
            $"Made on {time.GetLocalNow():yyyy-MM-dd} by Tuna {ThisVersion.Text}; judge: {options.Judge.Name}; "
            + $"{(seeds.Count == 1 ? $"seed {seeds[0]}" : $"seeds {string.Join(", ", seeds)}")}.");
        page.Paragraph(
            $"A small SFT policy, improved by ranking: N = {options.Responses} responses of a larger teacher ranked by Eq. 3 (Tuna_p), N "
            + $"= {options.Responses} of its own diverse samples ranked by a judge "
            + $"(Tuna_c, and Tuna when it starts from Tuna_p). \"MLE\" trains on the same instructions' original responses by likelihood "
                + $"alone, \"MLE, best of N\" on the judge's favourites among the samples of Tuna_c. "
            + $"All are measured on {heldOut.Count} exercises that no training has seen.");
        page.Paragraph(
            $"Every kind of exercise has a mistake that is easily made, and the original responses make it in "
            + $"{Families.All.Min(f => f.Mistaken)} to {Families.All.Max(f => f.Mistaken)} % of the rows: "
            + "the SFT policy knows both answers and, in some kinds, prefers the wrong one. More likelihood of such responses leaves that "
                + "as it is; a ranking says which of the policy's own responses are better.");
        page.Heading("Stages").Table(SummaryTable.HeaderWithUnits, SummaryTable.Rows(results));
        page.Note(
            $"win, lose, tie: the judge's verdicts on the stage's greedy responses beside SFT's, asked in both orders; a response wins "
            + $"only if both say so.{(seeds.Count == 1 ? "" : $" Mean ± standard deviation over {seeds.Count} seeds.")}");
        page.Heading("Accuracy beyond SFT and beyond likelihood alone").Table(GainTable.Header, GainTable.Rows(results, heldOut));
        page.Note("Points of accuracy; in brackets the 95 % interval of a bootstrap over exercises"
            + (seeds.Count == 1 ? "." : ", each with its mean over the seeds."));
        page.Heading($"Training, seed {seeds[^1]}").Charts(
            Curves.Draw("Loss", "nats", last.Training, s => s.Loss),
            Curves.Draw("Margin: mean v(better) - v(worse)", "nats per token", last.Training, s => s.Margin ?? double.NaN),
            Curves.Draw("Pairs in the ranker's order", "share", last.Training, s => s.PairAccuracy ?? double.NaN),
            Curves.Draw("Responses with a gradient", "share", last.Training, s => s.ActiveFraction));
        page.Heading("Accuracy by kind of exercise (%)")
            .Table(["kind", .. last.Stages.Select(s => s.Stage)], heldOut.Select(e => e.Family).Distinct().Select(family => (string[])
        [
            family,
            .. last.Responses.Select(r =>
                Ui.Number(100 * heldOut.Zip(r.Responses).Where(x => x.First.Family == family)
                .Average(x => x.First.IsCorrect(x.Second) ? 1.0 : 0), "0")),
        ]));
        page.Heading("Responses to held-out exercises")
            .Paragraph($"Of seed {seeds[^1]}. Green: the response is the expected answer, or says that something is it. Red: it is not.")
            .Table(["instruction", "expected", .. last.Responses.Select(r => r.Stage)],
                Enumerable.Range(0, Math.Min(24, heldOut.Count)).Select(i => (string[])
        [
            heldOut[i].Instruction,
            heldOut[i].Answer,
            .. last.Responses.Select(r => (heldOut[i].IsCorrect(r.Responses[i]) ? "right|" : "wrong|") + r.Responses[i]),
        ]), text: true);
        page.Save(file);
    }
}
