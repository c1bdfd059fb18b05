using Tuna.IO;
using Tuna.Models.Checkpoints;

namespace Tuna.Models.Gguf;

/// <summary>Writes a model as a GGUF file, which llama.cpp and what is built on it (LLamaSharp, Ollama) read.</summary>
/// <remarks>The families are those of <see cref="LlamaConfig"/>; what GGUF has no place for (YaRN's and other details that are not proven
/// here, reward models, biases of the MLP) is refused by name.</remarks>
public static class GgufExport
{
    /// <summary>Writes the file: complete under its name, or not at all.</summary>
    /// <param name="folder">The model's Hugging Face folder.</param>
    /// <param name="path">The file.</param>
    /// <param name="precision">How matrices are stored.</param>
    /// <param name="vocabulary">The model's tokenizer.</param>
    /// <param name="name">The model's name in the file; the folder's when null.</param>
    /// <exception cref="InvalidDataException">The folder's files do not belong together, or weights do not fit the type.</exception>
    /// <exception cref="NotSupportedException">GGUF has no form for something of this model; says what.</exception>
    public static void Write(string folder, string path, GgufPrecision precision, GgufVocabulary vocabulary, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(vocabulary);
        LlamaConfig config = LlamaConfig.Load(folder);
        Refuse(config, folder);
        using CheckpointReader weights = CheckpointReader.Open(folder);
        weights.Check(config);
        using var writer = new GgufWriter();
        string architecture = config.ModelType is "qwen2" or "qwen3" ? config.ModelType : "llama";
        Describe(writer, config, architecture, precision, name
            ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))));
        AddVocabulary(writer, vocabulary, config);
        if (config.RopeScaling is Llama3RopeScaling llama3)
            AddFrequencies(writer, config, llama3);
        foreach (ParameterShape parameter in config.Parameters())
            AddTensor(writer, weights, config, architecture, precision, parameter);
        AtomicFile.Write(path, writer.Write);
    }

    private static void Refuse(LlamaConfig config, string folder)
    {
        string? what = config.ScalarHead ? "a reward model"
            : config.MlpBias ? "biases of the MLP"
            : config.OutputBias ? "a bias of attention's output"
            : config.QueryKeyValueBias && config.ModelType == "qwen3" ? "Qwen3 with attention biases"
            : config.RopeScaling is YarnRopeScaling ? "rope scaling of the type yarn"
            : null;
        if (what is not null)
            throw new NotSupportedException($"{folder}: {what} cannot be exported to GGUF here.");
    }

    private static void Describe(GgufWriter writer, LlamaConfig config, string architecture, GgufPrecision precision, string name)
    {
        writer.Add("general.architecture", architecture);
        writer.Add("general.name", name);
        writer.Add("general.file_type",
            precision switch { GgufPrecision.F32 => 0u, GgufPrecision.F16 => 1u, GgufPrecision.Q8 => 7u, _ => 32u });
        writer.Add("general.quantization_version", 2u);
        writer.Add($"{architecture}.block_count", (uint)config.LayerCount);
        writer.Add($"{architecture}.context_length", (uint)config.ContextLength);
        writer.Add($"{architecture}.embedding_length", (uint)config.HiddenSize);
        writer.Add($"{architecture}.feed_forward_length", (uint)config.IntermediateSize);
        writer.Add($"{architecture}.attention.head_count", (uint)config.HeadCount);
        writer.Add($"{architecture}.attention.head_count_kv", (uint)config.KeyValueHeadCount);
        writer.Add($"{architecture}.attention.key_length", (uint)config.HeadDimension);
        writer.Add($"{architecture}.attention.value_length", (uint)config.HeadDimension);
        writer.Add($"{architecture}.attention.layer_norm_rms_epsilon", (float)config.RmsNormEpsilon);
        writer.Add($"{architecture}.rope.dimension_count", (uint)config.HeadDimension);
        writer.Add($"{architecture}.rope.freq_base", (float)config.RopeTheta);
        writer.Add($"{architecture}.vocab_size", (uint)config.VocabularySize);
        if (config.RopeScaling is LinearRopeScaling linear)
        {
            writer.Add($"{architecture}.rope.scaling.type", "linear");
            writer.Add($"{architecture}.rope.scaling.factor", (float)linear.Factor);
        }
    }

    private static void AddVocabulary(GgufWriter writer, GgufVocabulary vocabulary, LlamaConfig config)
    {
        int known = vocabulary.Tokens.Count;
        if (known > config.VocabularySize || vocabulary.Types.Count != known || (vocabulary.Scores is { } s && s.Count != known))
            throw new InvalidDataException(
                $"The tokenizer has {known} tokens and the model's vocabulary {config.VocabularySize}; they do not belong together.");
        // Rows of the embedding that no token has: as llama.cpp's own converter fills them.
        int missing = config.VocabularySize - known;
        writer.Add("tokenizer.ggml.model", vocabulary.Model);
        if (vocabulary.PreTokenizer is { } pre)
            writer.Add("tokenizer.ggml.pre", pre);
        writer.Add("tokenizer.ggml.tokens",
            [.. vocabulary.Tokens, .. Enumerable.Range(known, missing)
            .Select(i => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[PAD{i}]"))]);
        writer.Add("tokenizer.ggml.token_type", [.. vocabulary.Types, .. Enumerable.Repeat(5, missing)]);
        if (vocabulary.Scores is { } scores)
            writer.Add("tokenizer.ggml.scores", [.. scores, .. Enumerable.Repeat(-10000f, missing)]);
        if (vocabulary.Merges is { } merges)
            writer.Add("tokenizer.ggml.merges", merges);
        if (vocabulary.BosId is { } bos)
            writer.Add("tokenizer.ggml.bos_token_id", (uint)bos);
        writer.Add("tokenizer.ggml.eos_token_id", (uint)vocabulary.EosId);
        if (vocabulary.UnknownId is { } unknown)
            writer.Add("tokenizer.ggml.unknown_token_id", (uint)unknown);
        writer.Add("tokenizer.ggml.add_bos_token", vocabulary.BosId is not null);
        writer.Add("tokenizer.ggml.add_eos_token", false);
        if (vocabulary.Model == "llama")
            writer.Add("tokenizer.ggml.add_space_prefix", vocabulary.AddsSpacePrefix);
        if (vocabulary.ChatTemplate is { } template)
            writer.Add("tokenizer.chat_template", template);
    }

    // By how much each frequency is divided, [d / 2].
    private static void AddFrequencies(GgufWriter writer, LlamaConfig config, Llama3RopeScaling scaling)
    {
        double[] plain = RopeScaling.None.Frequencies(config.RopeTheta, config.HeadDimension),
            scaled = scaling.Frequencies(config.RopeTheta, config.HeadDimension);
        float[] factors = [.. plain.Zip(scaled, (p, s) => (float)(p / s))];
        long[] shape = [factors.Length];
        (uint type, long bytes) = GgufTensor.Layout(GgufPrecision.F32, shape);
        writer.AddTensor("rope_freqs.weight", shape, type, bytes, stream => GgufTensor.Write(stream, GgufPrecision.F32, shape, factors));
    }

    private static void AddTensor(GgufWriter writer, CheckpointReader weights, LlamaConfig config, string architecture,
        GgufPrecision precision, ParameterShape parameter)
    {
        long[] shape = [.. parameter.Shape.Select(n => (long)n)];
        (uint type, long bytes) = GgufTensor.Layout(precision, shape);
        writer.AddTensor(Name(parameter.Name), shape, type, bytes, stream =>
        {
            float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            weights.Read(parameter.Name, values);
            // llama.cpp turns neighbours where Hugging Face turns the two halves of a head; Qwen's graph turns halves as well.
            if (architecture == "llama" && parameter.Name.Contains(".q_proj.", StringComparison.Ordinal))
                values = Interleaved(values, config.HeadCount, config.HeadDimension);
            else if (architecture == "llama" && parameter.Name.Contains(".k_proj.", StringComparison.Ordinal))
                values = Interleaved(values, config.KeyValueHeadCount, config.HeadDimension);
            GgufTensor.Write(stream, precision, shape, values);
        });
    }

    // Rows h, 0..d/2 and d/2..d become neighbours: 0, d/2, 1, d/2 + 1, ...
    private static float[] Interleaved(float[] values, int heads, int dimension)
    {
        int width = values.Length / (heads * dimension);
        var result = new float[values.Length];
        for (int head = 0; head < heads; head++)
        {
            for (int i = 0; i < dimension; i++)
            {
                int from = (head * dimension) + i, to = (head * dimension) + (i < dimension / 2 ? 2 * i : (2 * (i - (dimension / 2))) + 1);
                values.AsSpan(from * width, width).CopyTo(result.AsSpan(to * width, width));
            }
        }

        return result;
    }

    private static string Name(string name)
    {
        switch (name)
        {
            case "model.embed_tokens.weight":
                return "token_embd.weight";
            case "model.norm.weight":
                return "output_norm.weight";
            case "lm_head.weight":
                return "output.weight";
        }

        string[] parts = name.Split('.'); // model.layers.N.self_attn.q_proj.weight
        string part = parts[^2] switch
        {
            "input_layernorm" => "attn_norm",
            "q_proj" => "attn_q",
            "k_proj" => "attn_k",
            "v_proj" => "attn_v",
            "o_proj" => "attn_output",
            "q_norm" => "attn_q_norm",
            "k_norm" => "attn_k_norm",
            "post_attention_layernorm" => "ffn_norm",
            "gate_proj" => "ffn_gate",
            "up_proj" => "ffn_up",
            "down_proj" => "ffn_down",
            _ => throw new NotSupportedException($"The parameter '{name}' has no name in GGUF."),
        };
        return $"blk.{parts[2]}.{part}.{parts[^1]}";
    }
}
