using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.IO;
using Tuna.Data;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Training;

namespace Quickstart;

/// <summary>Trains on a ranked file and reports how well the policy orders the responses of rows that it has not seen.</summary>
/// <remarks>
/// A byte is a token, so that no tokenizer file is needed; long responses are cut, and longer files want a real tokenizer and a real model.
/// A fifth of the rows, by their ids alone, are kept for the test.
/// </remarks>
internal sealed class RankedFileRun(Ui ui, int threads, int epochs, int responseTokens, ulong seed)
{
    private const int PromptTokens = 512;

    public void Run(string file, string folder, CancellationToken cancellationToken)
    {
        ui.Title($"Ranking from {Path.GetFileName(file)}");
        List<RankedExample> rows = [.. RankedData.Read(file)];
        List<RankedExample> test = [.. rows.Where(r => HeldOutRows.IsHeldOut(r.Id, 0.2))], train = [.. rows.Except(test)];
        var tokenizer = new GroupTokenizer(ByteTokenizer.Instance, RecipeOptions.Template, new GroupTokenizerOptions
        {
            MaxLength = PromptTokens + responseTokens,
            MaxResponseLength = responseTokens,
            MinResponseRoom = responseTokens,
            Overlong = OverlongResponse.Truncate,
            MinCandidates = 2,
            Reference = ReferenceSource.GivenOrBest, // such files often have no original response
        });
        (TokenGroup[] trainGroups, TokenGroup[] testGroups) = (Tokenize(tokenizer, train, "train"), Tokenize(tokenizer, test, "test"));
        HashSet<string> tested = [.. testGroups.Select(g => g.Id)];
        test.RemoveAll(r => !tested.Contains(r.Id)); // the baseline is measured on the same rows

        using ManagedLlama policy = ManagedLlama.Load(Shipped.Sft, new ManagedLlamaOptions { Threads = threads });
        double Agreement(string when) => ui.Run($"Agreement {when} training", progress =>
        {
            double agreement = PairwiseAgreement.Of(policy, testGroups, cancellationToken);
            progress(1, $"{100 * agreement:0.0} %");
            return agreement;
        });

        double before = Agreement("before");
        TrainingResult training = ui.Run("Train", progress => new RankingTrainer(policy, new MarginRankingLoss(), new TrainerOptions
        {
            Epochs = epochs,
            LearningRate = 1e-3,
            GroupsPerMicroBatch = 2,
            MicroBatchesPerStep = 4,
            Seed = seed,
        }).Train(trainGroups, progress: new ImmediateProgress<TrainingProgress>(p => progress((double)p.Metrics.Step / p.TotalSteps,
            $"loss {p.Metrics.Loss:0.000}, margin {p.Metrics.Margin:0.000}, {p.GroupsPerSecond:0.0} groups/s")),
                cancellationToken: cancellationToken));
        double after = Agreement("after");
        double length = PairwiseAgreement.OfLength(test.Select(r =>
        {
            int[] order = r.Order();
            return (order.Select(k => (double)r.Outputs[k].Length).ToArray(), order.Select(k => r.Scores[k]!.Value).ToArray());
        }));

        string[] header = ["orders unseen pairs as the file does", "%"];
        string[][] table =
        [
            ["policy before training", Ui.Number(100 * before, "0.0")],
            ["policy after training", Ui.Number(100 * after, "0.0")],
            ["baseline: the longer response", Ui.Number(100 * length, "0.0")],
        ];
        ui.Table(header, table);
        AtomicFolder.Write(Path.Combine(folder, "ranked-file-policy"), policy.SaveModel);
        string report = Path.Combine(folder, "ranked-file.html");
        new HtmlReport($"Tuna on {Path.GetFileName(file)}")
            .Paragraph(
                $"{trainGroups.Length} rows for training, {testGroups.Length} for the test, split by id; {epochs} epoch(s), responses cut "
                + $"at {responseTokens} byte tokens, seed {seed}.")
            .Heading("Pairwise agreement on unseen rows").Table(header, table)
            .Heading("Training").Charts(
                Curves.Draw("Loss", "nats", [("train", training.History)], s => s.Loss),
                Curves.Draw("Pairs in the file's order", "share", [("train", training.History)], s => s.PairAccuracy ?? double.NaN))
            .Save(report);
        ui.Line($"Report: {Path.GetFullPath(report)}");
    }

    private TokenGroup[] Tokenize(GroupTokenizer tokenizer, List<RankedExample> rows, string what)
    {
        var report = new TokenizationReport();
        TokenGroup[] groups = [.. tokenizer.Tokenize(rows, report)];
        ui.Line($"  {what}: {report}");
        if (groups.Length == 0)
            throw new InvalidDataException(
                $"The {what} part has no usable row: of {rows.Count} rows, {report.Rejected} were rejected. "
                + $"{(report.Issues.Count > 0 ? report.Issues[0].Message : "")}");
        return groups;
    }
}
