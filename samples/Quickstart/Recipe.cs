using Microsoft.Extensions.AI;
using Quickstart.Exercises;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Data.Sampling;
using Tuna.Evaluation.Vicuna;
using Tuna.IO;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Rankers.Batch;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Ranking;
using Tuna.Sampling;
using Tuna.Training;

namespace Quickstart;

/// <summary>The paper's recipe for one seed: every stage reads files and writes files.</summary>
/// <remarks>
/// SFT policy and teacher (shipped) -> N teacher responses, ranked by Eq. 3 -> Tuna_p;
/// N diverse samples of the SFT policy, judged -> Tuna_c; N diverse samples of Tuna_p, judged -> Tuna.
/// </remarks>
internal sealed class Recipe
{
    private const long LaterStages = 5;

    private static readonly ByteTokenizer Tokenizer = ByteTokenizer.Instance;

    private readonly Ui _ui;
    private readonly RecipeOptions _options;
    private readonly ulong _seed;
    private readonly string _folder;
    private readonly GroupTokenizer _groups = new(Tokenizer, RecipeOptions.Template, new GroupTokenizerOptions { MaxLength = 256 });
    private readonly List<Exercise> _exercises;
    private readonly List<Exercise> _heldOut;
    private readonly IChatClient _judgeClient;
    private readonly IResponseRanker _judge;
    private readonly StageEvaluator _evaluator;
    private AgainstSft? _againstSft;

    public Recipe(Ui ui, RecipeOptions options, ulong seed, string folder, CallJournal journal, CallBudget spending,
        CancellationToken cancellationToken)
    {
        _ui = ui;
        _options = options;
        _seed = seed;
        _folder = folder;
        Directory.CreateDirectory(folder);
        _exercises = ExerciseBook.Draw(options.Instructions, Rng.Derive(seed, 1), heldOut: false);
        _heldOut = ExerciseBook.Draw(options.HeldOut, 1, heldOut: true); // the same for all seeds
        _judgeClient = options.Judge.Create([.. _exercises, .. _heldOut], journal, spending);
        _judge = new ContextualRanker(_judgeClient);
        _evaluator = new StageEvaluator(_heldOut, JudgedHeldOut(cancellationToken), _groups, Tokenizer);
    }

    public IReadOnlyList<Exercise> HeldOut => _heldOut;

    /// <summary>Calls to the judge in one run: two files of samples, the held-out candidates, and each later stage against SFT.</summary>
    public static long Calls(RecipeOptions options) =>
        (2L * options.Instructions) + options.HeldOut + (LaterStages * AgainstSft.Calls(options.HeldOut));

    public RecipeResult Run(CancellationToken cancellationToken)
    {
        var result = new RecipeResult();
        using (ManagedLlama sft = Load(Shipped.Sft))
            Measure(result, "SFT", sft, cancellationToken);

        string teacherRanked = Ranked("teacher.ranked.jsonl", TeacherResponses(cancellationToken), new ProbabilisticRanker(),
            "Rank by Eq. 3", cancellationToken);
        // What likelihood alone would have taught, for comparison: Eq. 6 without its ranking term, on the original responses and on the
        // judge's best of the same N samples.
        Train(result, "MLE", new MaximumLikelihoodLoss(), Shipped.Sft, teacherRanked, _options.LearningRate, cancellationToken);
        string tunaP = Train(result, "Tuna_p", new MarginRankingLoss(), Shipped.Sft, teacherRanked, _options.LearningRate,
            cancellationToken);

        string ownRanked = Ranked("sft.ranked.jsonl", DiverseSamples("SFT", Shipped.Sft, 3, cancellationToken), _judge,
            "Judge SFT's samples", cancellationToken);
        Train(result, "MLE, best of N", new MaximumLikelihoodLoss(), Shipped.Sft, BestOf(ownRanked, "sft.best.jsonl"),
            _options.LearningRate, cancellationToken);
        Train(result, "Tuna_c", new MarginRankingLoss(), Shipped.Sft, ownRanked, _options.LearningRate, cancellationToken);

        string tunaRanked = Ranked("tuna_p.ranked.jsonl", DiverseSamples("Tuna_p", tunaP, 4, cancellationToken), _judge,
            "Judge Tuna_p's samples", cancellationToken);
        Train(result, "Tuna", new MarginRankingLoss(), tunaP, tunaRanked, _options.SecondLearningRate, cancellationToken);
        return result;
    }

    private ManagedLlama Load(string folder) => ManagedLlama.Load(folder, new ManagedLlamaOptions { Threads = _options.Threads });

    // N responses of the teacher at T = 1, with their log-probabilities: all that Eq. 3 needs.
    private List<RankedExample> TeacherResponses(CancellationToken cancellationToken) => _ui.Run("Sample the teacher", progress =>
    {
        using ManagedLlama teacher = Load(Shipped.Teacher);
        var rows = new List<RankedExample>(_exercises.Count);
        foreach (Exercise[] batch in _exercises.Chunk(16))
        {
            SamplingRequest[] requests = [.. batch.Select((e, i) => new SamplingRequest
            {
                Prompt = _groups.EncodePrompt(e.Instruction),
                Count = _options.Responses,
                MaxNewTokens = _options.MaxNewTokens,
                Seed = Rng.Derive(Rng.Derive(_seed, 2), (ulong)(rows.Count + i)),
                StopTokens = [Tokenizer.EosId],
            })];
            IReadOnlyList<IReadOnlyList<SampledResponse>> samples = teacher.Sample(requests, cancellationToken);
            for (int i = 0; i < batch.Length; i++)
            {
                rows.Add(Row(batch[i]) with
                {
                    Outputs = [.. samples[i].Select(s => Tokenizer.Decode(s.Tokens.ToArray()))],
                    LogProbs = [.. samples[i].Select(s => (double?)s.LogProb)],
                    TokenCounts = [.. samples[i].Select(s => (int?)s.Tokens.Count)],
                });
            }

            progress((double)rows.Count / _exercises.Count, $"{rows.Count * _options.Responses} responses");
        }

        return rows;
    });

    private List<RankedExample> DiverseSamples(string stage, string checkpoint, ulong stream, CancellationToken cancellationToken) =>
        _ui.Run($"Sample {stage}, diverse", progress =>
    {
        using ManagedLlama policy = Load(checkpoint);
        var sampler = new DiverseSampler(policy, Tokenizer, new DiverseSamplerOptions
        {
            Count = _options.Responses,
            MaxNewTokens = _options.MaxNewTokens,
            Seed = Rng.Derive(_seed, stream),
        });
        var report = new ImmediateProgress<SamplingStatistics>(s =>
            progress((double)s.Prompts / _exercises.Count, $"{s.Draws} draws, {s.Forced} slots kept their least similar"));
        return sampler.Sample(_exercises.Select(e => e.ToInstructionExample()), e => _groups.EncodePrompt(e.Instruction), progress: report,
            cancellationToken: cancellationToken).ToList();
    });

    // Ranks rows and writes them: the file is what the next stage reads.
    private string Ranked(string name, IReadOnlyList<RankedExample> rows, IResponseRanker ranker, string what,
        CancellationToken cancellationToken)
    {
        string file = Path.Combine(_folder, name);
        RankedData.Write(file, Rank(rows, ranker, what, cancellationToken));
        return file;
    }

    // The same rows with the best candidate in place of the original response.
    private string BestOf(string rankedFile, string name)
    {
        string file = Path.Combine(_folder, name);
        RankedData.Write(file, RankedData.Read(rankedFile).Select(row => row with { Reference = row.Outputs[row.Order()[0]] }));
        return file;
    }

    private List<RankedExample> Rank(IReadOnlyList<RankedExample> rows, IResponseRanker ranker, string what,
        CancellationToken cancellationToken) => _ui.Run(what, progress =>
        RankAsync(rows, ranker, progress, cancellationToken).GetAwaiter().GetResult());

    private async Task<List<RankedExample>> RankAsync(IReadOnlyList<RankedExample> rows, IResponseRanker ranker,
        Action<double, string> progress, CancellationToken cancellationToken)
    {
        var runner = new RankingRunner(ranker, new RankingRunnerOptions { MaxParallelRows = 8, TotalRows = rows.Count });
        var report = new ImmediateProgress<RankingProgress>(p =>
            progress((double)p.Done / rows.Count, $"{p.Usage.Calls} calls, {p.Failed} rows failed"));
        var ranked = new List<RankedExample>(rows.Count);
        await foreach (RankingOutcome outcome in runner.RunAsync(rows.Select(r => r.ToRankingRequest()).ToAsyncEnumerable(), report,
            cancellationToken))
        {
            if (outcome.Result is { } result)
                ranked.Add(rows[(int)outcome.Index].WithRanking(result));
            else
                _ui.Line($"  left out: {outcome.Failure!.Message}");
        }

        return ranked;
    }

    private string Train(RecipeResult result, string stage, IRankingLoss loss, string from, string rankedFile, double learningRate,
        CancellationToken cancellationToken)
    {
        TokenGroup[] groups = [.. _groups.Tokenize(RankedData.Read(rankedFile))];
        string folder = Path.Combine(_folder, stage.ToLowerInvariant().Replace(",", "", StringComparison.Ordinal).Replace(' ', '-'));
        using ManagedLlama policy = Load(from);
        TrainingResult training = _ui.Run($"Train {stage}", progress => new RankingTrainer(policy, loss, new TrainerOptions
        {
            LearningRate = learningRate,
            GroupsPerMicroBatch = 4,
            MicroBatchesPerStep = 2,
            Seed = _seed,
        }).Train(groups, progress: new ImmediateProgress<TrainingProgress>(p => progress((double)p.Metrics.Step / p.TotalSteps,
            $"loss {Ui.Number(p.Metrics.Loss, "0.000")}, margin {Ui.Number(p.Metrics.Margin ?? 0, "0.000")}, {p.GroupsPerSecond:0} "
                + $"groups/s")), cancellationToken: cancellationToken));
        AtomicFolder.Write(folder, policy.SaveModel);
        result.Training.Add((stage, training.History));
        Measure(result, stage, policy, cancellationToken);
        return folder;
    }

    private void Measure(RecipeResult result, string stage, ManagedLlama policy, CancellationToken cancellationToken)
    {
        (StageScores scores, IReadOnlyList<string> responses) =
            _ui.Run($"Measure {stage}", progress => _evaluator.Measure(stage, policy, p => progress(p, ""), cancellationToken));
        if (_againstSft is null)
            _againstSft = new AgainstSft(_judgeClient, _heldOut, responses);
        else
            scores = scores with { AgainstSft = Against(stage, responses, cancellationToken) };
        result.Stages.Add(scores);
        result.Responses.Add((stage, responses));
    }

    private VicunaScore Against(string stage, IReadOnlyList<string> responses, CancellationToken cancellationToken)
    {
        VicunaReport report = _ui.Run($"Judge {stage} against SFT", _ => _againstSft!.Judge(stage, responses, cancellationToken));
        if (report.Overall.Errors > 0)
            _ui.Line(
                $"  {report.Overall.Errors} of {responses.Count} without a verdict, left out of the rates; the first: {report.Issues[0]}");
        return report.Overall;
    }

    // Candidates of the SFT policy for the held-out exercises, judged offline or by the real judge: the pairs of "pairwise accuracy". The
    // same for all stages.
    private IEnumerable<TokenGroup> JudgedHeldOut(CancellationToken cancellationToken)
    {
        using ManagedLlama sft = Load(Shipped.Sft);
        var sampler = new DiverseSampler(sft, Tokenizer, new DiverseSamplerOptions
        {
            Count = _options.Responses,
            MaxNewTokens = _options.MaxNewTokens,
            Seed = 1,
        });
        List<RankedExample> rows =
            [.. sampler.Sample(_heldOut.Select(e => e.ToInstructionExample()), e => _groups.EncodePrompt(e.Instruction),
            cancellationToken: cancellationToken)];
        return [.. _groups.Tokenize(Rank(rows, _judge, "Judge held-out candidates", cancellationToken))];
    }

    private static RankedExample Row(Exercise e) => new() { Id = e.Id, Instruction = e.Instruction, Reference = e.Original };
}
