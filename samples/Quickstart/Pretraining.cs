using Quickstart.Exercises;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.IO;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Training;

namespace Quickstart;

/// <summary>Trains the shipped checkpoints from scratch: a small SFT policy on few rows, and a larger teacher on many.</summary>
internal sealed class Pretraining(Ui ui, int threads)
{
    private static readonly (string Name, LlamaConfig Config, int Rows, double Mistakes, double LearningRate, ulong Seed)[] Models =
    [
        ("sft", Config(hidden: 96, layers: 3, heads: 6, mlp: 256), 40_000, 1, 2e-3, 11),
        ("teacher", Config(hidden: 128, layers: 4, heads: 8, mlp: 344), 40_000, ExerciseBook.TeacherCare, 2e-3, 12),
    ];

    /// <param name="folder">Receives one model folder each.</param>
    /// <param name="only">Names of the models to train; empty for all.</param>
    public void Run(string folder, IReadOnlyCollection<string> only, CancellationToken cancellationToken)
    {
        var groups = new GroupTokenizer(ByteTokenizer.Instance, RecipeOptions.Template);
        List<Exercise> heldOut = ExerciseBook.Draw(240, 1, heldOut: true);
        var evaluator = new StageEvaluator(heldOut, [], groups, ByteTokenizer.Instance);
        foreach ((string name, LlamaConfig config, int rows, double mistakes, double learningRate,
            ulong seed) in Models.Where(m => only.Count == 0 || only.Contains(m.Name)))
        {
            TokenGroup[] data = [.. groups.Tokenize(ExerciseBook.Draw(rows, seed, heldOut: false, mistakes, distinct: false)
                .Select(e => e.ToInstructionExample()))];
            using ManagedLlama policy = ManagedLlama.Create(config, new() { Seed = seed, Threads = threads, SavedType = null });
            ui.Run($"Train {name} ({policy.Info.ParameterCount:N0} parameters)",
                progress => new RankingTrainer(policy, new MaximumLikelihoodLoss(), new TrainerOptions
            {
                LearningRate = learningRate,
                GroupsPerMicroBatch = 16,
                Seed = seed,
            }).Train(data, progress: new ImmediateProgress<TrainingProgress>(p => progress((double)p.Metrics.Step / p.TotalSteps,
                $"loss {Ui.Number(p.Metrics.Loss, "0.000")}, {p.TokensPerSecond:0} tokens/s")), cancellationToken: cancellationToken));
            AtomicFolder.Write(Path.Combine(folder, name), policy.SaveModel);
            StageScores scores = ui.Run($"Measure {name}",
                progress => evaluator.Measure(name, policy, p => progress(p, ""), cancellationToken)).Scores;
            ui.Scores([scores]);
        }
    }

    private static LlamaConfig Config(int hidden, int layers, int heads, int mlp) => new()
    {
        VocabularySize = ByteTokenizer.Instance.VocabularySize,
        HiddenSize = hidden,
        IntermediateSize = mlp,
        LayerCount = layers,
        HeadCount = heads,
        KeyValueHeadCount = heads,
        HeadDimension = hidden / heads,
        ContextLength = 2048,
        TieWordEmbeddings = true,
        BosTokenId = ByteTokenizer.Instance.BosId,
        EosTokenIds = [ByteTokenizer.Instance.EosId],
        InitializerRange = 0.05,
        DType = TensorDType.BF16, // stored so; computed in float32
    };
}
