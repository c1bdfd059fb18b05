using Tuna.IO;
using Tuna.Models.Checkpoints;

namespace Tuna.Models;

/// <summary>Which of the two layouts of config.json to write.</summary>
public enum LlamaConfigLayout
{
    /// <summary>Top-level <c>rope_theta</c>, <c>rope_scaling</c> and <c>torch_dtype</c>: what most published checkpoints have and every
    /// reader understands.</summary>
    Legacy,

    /// <summary><c>rope_parameters</c> and <c>dtype</c>, as Transformers 5 writes.</summary>
    New,
}

/// <summary>The architecture of a LLaMA-like model (LLaMA, Mistral, Qwen2, Qwen3), as its config.json states it. Immutable.</summary>
/// <remarks>Sizes: D <see cref="HiddenSize"/>, H <see cref="HeadCount"/>, V <see cref="VocabularySize"/>. A config is validated when it is
/// read; one made in code by <see cref="Validate"/>.</remarks>
public sealed record LlamaConfig
{
    /// <summary>Family: <c>llama</c>, <c>mistral</c>, <c>qwen2</c> or <c>qwen3</c>. Default <c>llama</c>.</summary>
    public string ModelType { get; init; } = "llama";

    /// <summary>Number of token ids, V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Model width, D.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of decoder layers.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Number of query heads, H.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Number of key/value heads; divides <see cref="HeadCount"/> (grouped-query attention when smaller).</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Width of a head; even. Need not be D / H.</summary>
    public required int HeadDimension { get; init; }

    /// <summary>Longest sequence in tokens. Default 2048.</summary>
    public int ContextLength { get; init; } = 2048;

    /// <summary>Added to the mean square in RMSNorm. Default 1e-6.</summary>
    public double RmsNormEpsilon { get; init; } = 1e-6;

    /// <summary>Base of the rotary frequencies. Default 10000.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Stretch of the rotary frequencies. Default none.</summary>
    public RopeScaling RopeScaling { get; init; } = RopeScaling.None;

    /// <summary>Whether the output layer is the input embedding. Default false.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Whether there is a linear head of one output, <c>score.weight</c>, in place of the output layer: a Hugging Face sequence
    /// classifier with one label. Default false.</summary>
    public bool ScalarHead { get; init; }

    /// <summary>Whether the query, key and value projections have biases (<c>attention_bias</c>; always in Qwen2). Default false.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Whether attention's output projection has a bias (<c>attention_bias</c>; never in Qwen2). Default false.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Whether queries and keys are normalized head by head before the rotation (RMSNorm with a weight of
    /// <see cref="HeadDimension"/>; always in Qwen3). Default false.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Whether the MLP's projections have biases. Default false.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Id of the beginning-of-sequence token, if any.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Ids of the end-of-sequence tokens; may be empty.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Id of the padding token, if any.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Standard deviation of fresh weights. Default 0.02.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Type in which the weights are stored: F32, BF16 or F16. Default F32.</summary>
    public TensorDType DType { get; init; } = TensorDType.F32;

    /// <summary>Reads config.json.</summary>
    /// <param name="path">The file, or the model folder that holds it.</param>
    /// <exception cref="InvalidDataException">The file is missing from the folder, is not JSON, or a key is missing, malformed or not
    /// supported; the message names file and key.</exception>
    public static LlamaConfig Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = Directory.Exists(path) ? Path.Combine(path, "config.json") : path;
        try
        {
            return Parse(RegularFile.ReadJson(file), file);
        }
        catch (FileNotFoundException e)
        {
            throw new InvalidDataException($"{file}: there is no such file.", e);
        }
    }

    /// <summary>Parses config.json.</summary>
    /// <param name="utf8Json">The content.</param>
    /// <param name="source">Names the file in errors.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Load"/>.</exception>
    public static LlamaConfig Parse(ReadOnlyMemory<byte> utf8Json, string source = "config.json") => LlamaConfigJson.Read(utf8Json, source);

    /// <summary>Serializes to config.json, UTF-8.</summary>
    public byte[] ToJson(LlamaConfigLayout layout = LlamaConfigLayout.Legacy) => LlamaConfigJson.Write(this, layout);

    /// <summary>Writes config.json into a model folder.</summary>
    public void Save(string folder, LlamaConfigLayout layout = LlamaConfigLayout.Legacy) =>
        Save(CheckpointFiles.InFolder(folder), layout);

    /// <summary>Writes config.json.</summary>
    public void Save(CheckpointFiles files, LlamaConfigLayout layout = LlamaConfigLayout.Legacy)
    {
        ArgumentNullException.ThrowIfNull(files);
        files.Write("config.json", ToJson(layout));
    }

    private const double SmallestSingle = 1.17549435e-38; // smaller ones lose digits, and are 0 on some devices
    private const string Single = "a positive number of single precision, 1.2E-38 to 3.4E38";

    /// <summary>Checks that the sizes make sense together.</summary>
    /// <param name="source">Names the config in errors.</param>
    /// <exception cref="InvalidDataException">Names the key that is wrong.</exception>
    public LlamaConfig Validate(string source = "config")
    {
        Require(VocabularySize > 0, "vocab_size", VocabularySize, "at least 1");
        Require(HiddenSize > 0, "hidden_size", HiddenSize, "at least 1");
        Require(IntermediateSize > 0, "intermediate_size", IntermediateSize, "at least 1");
        Require(LayerCount > 0, "num_hidden_layers", LayerCount, "at least 1");
        Require(HeadCount > 0, "num_attention_heads", HeadCount, "at least 1");
        Require(KeyValueHeadCount > 0 && HeadCount % KeyValueHeadCount == 0, "num_key_value_heads", KeyValueHeadCount,
            $"a divisor of num_attention_heads, {HeadCount}");
        Require(HeadDimension > 0 && HeadDimension % 2 == 0, "head_dim", HeadDimension, "even and at least 2");
        Require((long)HeadCount * HeadDimension <= int.MaxValue, "head_dim", HeadDimension,
            $"so small that all {HeadCount} heads together are below 2^31 wide");
        Require(ContextLength > 0, "max_position_embeddings", ContextLength, "at least 1");
        // A row of zeros is divided by its root, and less than this is 0 where the engines compute.
        Require(IsSingle(RmsNormEpsilon), "rms_norm_eps", RmsNormEpsilon, Single);
        Require(double.IsFinite(RopeTheta) && RopeTheta >= 1, "rope_theta", RopeTheta, "finite and at least 1");
        Require(float.IsFinite((float)InitializerRange)
            && InitializerRange >= 0, "initializer_range", InitializerRange, "finite in single precision and not negative");
        Require(BosTokenId is not { } bos || IsToken(bos), "bos_token_id", BosTokenId ?? 0, $"an id below vocab_size, {VocabularySize}");
        foreach (int eos in EosTokenIds)
            Require(IsToken(eos), "eos_token_id", eos, $"an id below vocab_size, {VocabularySize}");
        switch (RopeScaling)
        {
            case LinearRopeScaling linear:
                Require(double.IsFinite(linear.Factor) && linear.Factor >= 1, "rope scaling's factor", linear.Factor, "at least 1");
                break;
            case DynamicRopeScaling dynamic:
                Require(double.IsFinite(dynamic.Factor) && dynamic.Factor >= 1, "rope scaling's factor", dynamic.Factor, "at least 1");
                break;
            case YarnRopeScaling yarn:
                Require(double.IsFinite(yarn.Factor) && yarn.Factor >= 1, "rope scaling's factor", yarn.Factor, "at least 1");
                Require(yarn.OriginalContextLength > 0, "original_max_position_embeddings", yarn.OriginalContextLength, "at least 1");
                Require(double.IsFinite(yarn.SlowRotations) && yarn.SlowRotations > 0, "beta_slow", yarn.SlowRotations, "positive");
                Require(double.IsFinite(yarn.FastRotations) && yarn.FastRotations >= yarn.SlowRotations, "beta_fast", yarn.FastRotations,
                    $"at least beta_slow, {yarn.SlowRotations}");
                Require(IsSingle(yarn.AttentionFactor), "attention_factor", yarn.AttentionFactor, Single);
                Require(RopeTheta > 1, "rope_theta", RopeTheta, "greater than 1 with yarn");
                break;
            case Llama3RopeScaling llama3:
                Require(double.IsFinite(llama3.Factor) && llama3.Factor >= 1, "rope scaling's factor", llama3.Factor, "at least 1");
                Require(llama3.LowFrequencyFactor > 0, "low_freq_factor", llama3.LowFrequencyFactor, "positive");
                Require(llama3.HighFrequencyFactor > llama3.LowFrequencyFactor, "high_freq_factor", llama3.HighFrequencyFactor,
                    $"greater than low_freq_factor, {llama3.LowFrequencyFactor}");
                Require(llama3.OriginalContextLength > 0, "original_max_position_embeddings", llama3.OriginalContextLength, "at least 1");
                break;
        }
        return this;

        bool IsToken(int id) => id >= 0 && id < VocabularySize;

        static bool IsSingle(double value) => value >= SmallestSingle && value <= float.MaxValue;

        void Require(bool holds, string key, double value, string rule)
        {
            if (!holds)
                throw new InvalidDataException($"{source}: '{key}' is {value}; it must be {rule}.");
        }
    }

    /// <summary>All parameters, in the model's order, by their Hugging Face names; a tied output layer is not listed.</summary>
    public IReadOnlyList<ParameterShape> Parameters()
    {
        int queryWidth = HeadCount * HeadDimension, keyValueWidth = KeyValueHeadCount * HeadDimension;
        var list = new List<ParameterShape> { new("model.embed_tokens.weight", [VocabularySize, HiddenSize]) };
        for (int layer = 0; layer < LayerCount; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            list.Add(new(prefix + "input_layernorm.weight", [HiddenSize]));
            Linear(prefix + "self_attn.q_proj", queryWidth, HiddenSize, QueryKeyValueBias);
            Linear(prefix + "self_attn.k_proj", keyValueWidth, HiddenSize, QueryKeyValueBias);
            Linear(prefix + "self_attn.v_proj", keyValueWidth, HiddenSize, QueryKeyValueBias);
            Linear(prefix + "self_attn.o_proj", HiddenSize, queryWidth, OutputBias);
            if (QueryKeyNorm)
            {
                list.Add(new(prefix + "self_attn.q_norm.weight", [HeadDimension]));
                list.Add(new(prefix + "self_attn.k_norm.weight", [HeadDimension]));
            }

            list.Add(new(prefix + "post_attention_layernorm.weight", [HiddenSize]));
            Linear(prefix + "mlp.gate_proj", IntermediateSize, HiddenSize, MlpBias);
            Linear(prefix + "mlp.up_proj", IntermediateSize, HiddenSize, MlpBias);
            Linear(prefix + "mlp.down_proj", HiddenSize, IntermediateSize, MlpBias);
        }
        list.Add(new("model.norm.weight", [HiddenSize]));
        if (ScalarHead)
            list.Add(new("score.weight", [1, HiddenSize]));
        else if (!TieWordEmbeddings)
            list.Add(new("lm_head.weight", [VocabularySize, HiddenSize]));
        return list;

        void Linear(string name, int output, int input, bool bias)
        {
            list.Add(new(name + ".weight", [output, input]));
            if (bias)
                list.Add(new(name + ".bias", [output]));
        }
    }
}
