using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Data;
using Tuna.IO;
using Tuna.Llama;
using Tuna.Llama.Lora;
using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Tokenizers;
using Tuna.Training;

namespace FineTuneLlama;

/// <summary>A ranked file and a model folder in, a trained model folder and a report out.</summary>
internal static class FineTuning
{
    public static int Run(Settings settings, TextWriter console, CancellationToken cancellationToken)
    {
        try
        {
            Train(settings, console, cancellationToken);
            return 0;
        }
        catch (OperationCanceledException)
        {
            console.WriteLine($"Stopped. Continue with --resume; the checkpoint is in {settings.Output}.");
            return 130;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or DataFormatException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            console.WriteLine(e.Message);
            return 1;
        }
    }

    private static void Train(Settings settings, TextWriter console, CancellationToken cancellationToken)
    {
        (List<TokenGroup> train, List<TokenGroup> heldOut) = ReadGroups(settings, console);
        LlamaConfig config = LlamaConfig.Load(settings.Model);
        config = config with { ScalarHead = config.ScalarHead || settings.RewardModel };
        LoraOptions? lora = settings.LoraRank == 0 ? null : new LoraOptions { Rank = settings.LoraRank, Alpha = 2 * settings.LoraRank };
        (ActivationMode mode, bool scoreFirst, MemoryEstimate estimate) = Plan(settings, config, lora, train, console);

        var memory = new MemoryUse();
        var policyOptions = new LlamaPolicyOptions { Device = settings.Device, ComputeType = settings.ComputeType, Lora = lora, Activations = mode };
        using TorchPolicy policy = settings.RewardModel ? LlamaRewardModel.Load(settings.Model, policyOptions) : LlamaPolicy.Load(settings.Model, policyOptions);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Model: {policy.Info.ParameterCount / 1e6:0.0}M parameters, {config.LayerCount} layers, on {settings.Device}{(settings.RewardModel ? ", with a scalar head" : "")}."));
        Agreement before = Agreement.Measure(policy, heldOut, cancellationToken);

        var options = new TrainerOptions
        {
            Epochs = settings.Epochs,
            LearningRate = settings.LearningRate,
            MicroBatchesPerStep = settings.GroupsPerStep,
            PassMode = scoreFirst ? PassMode.ScoreFirst : PassMode.Fused,
            RunFolder = settings.Output,
            Resume = settings.Resume,
        };
        IRankingLoss loss = settings.RewardModel ? new PairwiseLogisticLoss() : new MarginRankingLoss(margin: 0.1, lambda: 1, MarginReduction.Paper);
        TrainingResult result = new RankingTrainer(policy, loss, options).Train(train, progress: new ConsoleProgress(console), cancellationToken: cancellationToken);
        console.WriteLine();

        Agreement after = Agreement.Measure(policy, heldOut, cancellationToken);
        string trained = Path.Combine(settings.Output, "model");
        AtomicFolder.Write(trained, folder =>
        {
            policy.SaveModel(folder);
            CopyTokenizer(settings.Model, folder);
        });
        if (lora is not null)
            AtomicFolder.Write(Path.Combine(settings.Output, "adapter"), folder => policy.SaveAdapter(folder, settings.Model));
        string report = Report.Write(settings, policy.Info, result, train.Count, before, after, memory.Compare(estimate, settings.Device));
        console.WriteLine(File.ReadAllText(report));
        console.WriteLine($"Model: {trained}; report: {report}");
    }

    private static (List<TokenGroup> Train, List<TokenGroup> HeldOut) ReadGroups(Settings settings, TextWriter console)
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(settings.Model, settings.Template == "llama3" ? new HuggingFaceTokenizerOptions { EosToken = "<|eot_id|>" } : null);
        tokenizer.RequireFit(LlamaConfig.Load(settings.Model).VocabularySize, settings.Model);
        IPromptTemplate template = settings.Template switch
        {
            "llama2" => new Llama2PromptTemplate(),
            "llama3" => new Llama3PromptTemplate(),
            _ => AlpacaPromptTemplate.Instance,
        };
        var groupTokenizer = new GroupTokenizer(tokenizer.ForChatPrompts, template, new GroupTokenizerOptions { MaxLength = settings.MaxLength, Reference = settings.RewardModel ? ReferenceSource.None : ReferenceSource.GivenOrBest, MinCandidates = 2 });
        var report = new TokenizationReport();
        List<TokenGroup> groups = [.. groupTokenizer.Tokenize(RankedData.Read(settings.Data), report)];
        console.WriteLine(report);

        // The same rows are held out whatever the run does: a resumed run must see the same data.
        var order = new Rng(0);
        TokenGroup[] shuffled = [.. groups];
        order.Shuffle(shuffled.AsSpan());
        int held = (int)(shuffled.Length * settings.HeldOut);
        return ([.. shuffled[held..]], [.. shuffled[..held]]);
    }

    /// <summary>Chooses what is kept and what is computed twice, and says what it will take.</summary>
    private static (ActivationMode Mode, bool ScoreFirst, MemoryEstimate Estimate) Plan(Settings settings, LlamaConfig config, LoraOptions? lora, List<TokenGroup> groups, TextWriter console)
    {
        if (groups.Count == 0)
            throw new InvalidDataException($"{settings.Data}: no row is left to train on.");
        TensorDType compute = settings.ComputeType ?? (settings.Device == "cpu" ? TensorDType.F32 : TensorDType.BF16);
        TokenGroup largest = groups.MaxBy(g => g.TokenCount)!;
        ReadOnlyMemory<int> longest = largest.Responses.MaxBy(r => r.Length);
        var single = new TokenGroup(largest.Id, largest.Prompt, [longest], new double[1]);
        MemoryEstimate Estimate(ActivationMode mode, bool one) => MemoryEstimate.Of(config, lora, compute, trainable: true, [one ? single : largest], mode, settings.Device);

        (ActivationMode mode, bool scoreFirst, bool tooLarge) = MemoryEstimate.Choose(Estimate, settings.MemoryBudget ?? long.MaxValue);
        MemoryEstimate estimate = Estimate(mode, scoreFirst);
        console.WriteLine($"Memory for the largest group ({largest.TokenCount} tokens): {estimate}; activations: {mode}{(scoreFirst ? ", one response at a time" : "")}.");
        if (tooLarge)
            throw new InvalidOperationException("That is more than --memory-gb allows: use --lora-rank, --dtype bfloat16 or a smaller --max-length.");
        return (mode, scoreFirst, estimate);
    }

    private static void CopyTokenizer(string from, string to)
    {
        foreach (string name in new[] { "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json" })
        {
            string file = Path.Combine(from, name);
            if (File.Exists(file))
                File.Copy(file, Path.Combine(to, name));
        }
    }

    private sealed class ConsoleProgress(TextWriter console) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => console.Write(string.Create(CultureInfo.InvariantCulture,
            $"\rstep {value.Metrics.Step}/{value.TotalSteps}  loss {value.Metrics.Loss:0.0000}  pairs in order {value.Metrics.PairAccuracy:P0}  {value.TokensPerSecond:0} tokens/s  {value.Remaining:hh\\:mm\\:ss} left   "));
    }
}
