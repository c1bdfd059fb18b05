using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Sampling;
using Tuna.Policies;

namespace Tuna.Llama.Managed;

/// <summary>The embedded policy: a LLaMA in plain C# that scores, samples and trains on the processor, without a native library.</summary>
/// <remarks>
/// The architecture of Touvron et al. (arXiv 2302.13971, 2407.21783): RMSNorm, rotary positions (plain, linear, dynamic, yarn, llama3),
/// grouped-query attention, SwiGLU, tied or untied embeddings, with the biases of Qwen2 and the query and key norms of Qwen3. Single
/// precision throughout; log-probabilities are summed in double precision.
/// </remarks>
public sealed class ManagedLlama : ManagedPolicy, ITrainablePolicy
{
    private Decoder? _decoder;

    /// <summary>Bytes of the copy that new tokens are sampled from; 0 while the weights themselves are read.</summary>
    internal long DecodingCopyBytes => _decoder?.CopyBytes ?? 0;

    /// <summary>Bytes of the copy that drafts new tokens; 0 while there is none.</summary>
    internal long DraftCopyBytes => _decoder?.DraftBytes ?? 0;

    /// <summary>Tokens drafted and those of them that were taken, so far.</summary>
    internal (long Drafted, long Accepted) Speculated => _decoder?.Speculated ?? default;

    private VocabularyHead VocabularyHead => (VocabularyHead)Head;

    private ManagedLlama(LlamaConfig config, ManagedLlamaOptions? options)
        : base(LanguageModel(config), options,
            (parameters, pool, keptValues, workspace) => new VocabularyHead(config, parameters, pool, keptValues, workspace))
    {
    }

    /// <summary>Loads a model folder in the Hugging Face layout: config.json and model.safetensors, or its shards.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">A file is missing or damaged, a tensor is missing, unexpected or of another shape or type, or
    /// a weight is not finite.</exception>
    /// <exception cref="NotSupportedException">The config asks for what the engine does not have; the message names the key.</exception>
    public static ManagedLlama Load(string folder, ManagedLlamaOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using CheckpointReader reader = CheckpointReader.Open(folder);
        LlamaConfig config = LanguageModel(LlamaConfig.Load(folder));
        reader.Check(config);
        var model = new ManagedLlama(config, options);
        try
        {
            ModelFiles.Load(model.Pool, reader, model.Config, model.Parameters);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Creates a model with fresh weights: norms 1, biases 0, everything else normal with standard deviation
    /// <see cref="LlamaConfig.InitializerRange"/>.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="options">Options, the seed of the weights among them; null for the defaults.</param>
    /// <exception cref="InvalidDataException">The sizes do not make sense together.</exception>
    /// <exception cref="NotSupportedException">The config asks for what the engine does not have.</exception>
    public static ManagedLlama Create(LlamaConfig config, ManagedLlamaOptions? options = null)
    {
        var model = new ManagedLlama(config, options);
        ModelFiles.Initialize(model.Config, model.Parameters, model.Options.Seed);
        return model;
    }

    private static LlamaConfig LanguageModel(LlamaConfig config) =>
        (config ?? throw new ArgumentNullException(nameof(config))) is { ScalarHead: false }
        ? config
        : throw new NotSupportedException(
            "'architectures': the model is a sequence classifier, whose head gives rewards, not tokens; open it as ManagedRewardModel.");

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        _decoder ??= new Decoder(Config, Parameters, Trunk, Pool, Options.Decoding, Options.SpeculativeDecoding);
        return _decoder.Sample(requests, Info, cancellationToken);
    }

    /// <summary>Next-token logits of every position, [T, V]: for tests, which compare them with other implementations.</summary>
    internal unsafe void Logits(ReadOnlySpan<int> tokens, Span<float> destination)
    {
        int width = Info.HiddenSize, vocabulary = Info.VocabularySize;
        var hidden = new float[tokens.Length * width];
        HiddenStates(tokens, Info.LayerCount, hidden);
        fixed (float* h = hidden, logits = destination)
        {
            var weight = new Matrix(Parameters.Weights + Parameters.OutputEmbedding, vocabulary, width);
            Gemm.Multiply(Pool, new Matrix(h, tokens.Length, width), weight.T, new Matrix(logits, tokens.Length, vocabulary), Update.Set);
        }
    }

    /// <summary>Log-probability of every token of a group's first response, in nats: for tests, which compare them one by one.</summary>
    internal double[] TokenLogProbs(TokenGroup group)
    {
        var sums = new double[group.Responses.Count];
        Score([group], sums);
        // With one response the targets are its tokens in order.
        return VocabularyHead.TargetLogProbs[..group.Responses[0].Length].ToArray();
    }

    /// <inheritdoc/>
    protected override void DisposeCore()
    {
        _decoder?.Dispose();
        base.DisposeCore();
    }
}
