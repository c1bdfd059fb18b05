using System.Buffers;
using System.Text.Json;
using Tuna.Models.Checkpoints;
using Tuna.Text;

namespace Tuna.Models;

/// <summary>config.json to <see cref="LlamaConfig"/> and back.</summary>
internal static class LlamaConfigJson
{
    private const string Classifier = "ForSequenceClassification";

    public static LlamaConfig Read(ReadOnlyMemory<byte> utf8Json, string source)
    {
        if (utf8Json.Span.StartsWith("\uFEFF"u8))
            utf8Json = utf8Json[3..];
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8Json);
            return Read(new ConfigObject(document.RootElement, source, ""), source);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{source}: not valid JSON: {ForeignText.Shorten(e.Message, 300)}", e);
        }
    }

    private static LlamaConfig Read(ConfigObject root, string source)
    {
        string type = root.Text("model_type") ?? "llama";
        ModelFamily family = ModelFamily.Find(type)
            ?? throw root.Bad("model_type",
                $"is '{ForeignText.Shorten(type)}'; this library runs {string.Join(", ", ModelFamily.All.Select(f => f.ModelType))}");
        if (root.Text("hidden_act") is { } activation && activation is not ("silu" or "swish"))
            throw root.Bad("hidden_act", $"is '{ForeignText.Shorten(activation)}'; only silu is supported");

        int hidden = root.RequiredInteger("hidden_size");
        int heads = root.RequiredInteger("num_attention_heads");
        if ((root.Integer("head_dim") ?? family.HeadDimension) is not { } headDimension)
        {
            if (heads <= 0 || hidden % heads != 0)
                throw root.Bad("head_dim", $"is absent, and hidden_size {hidden} is not a multiple of num_attention_heads {heads}");
            headDimension = hidden / heads;
        }
        int context = root.Integer("max_position_embeddings") ?? family.ContextLength;
        CheckSlidingWindow(root, family, context);
        (double theta, RopeScaling scaling) = ReadRope(root, context);
        bool always = family.Biases == AttentionBiases.QueryKeyValue;
        bool attentionBias = root.Boolean("attention_bias") ?? false;
        return new LlamaConfig
        {
            ModelType = type,
            VocabularySize = root.RequiredInteger("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = root.RequiredInteger("intermediate_size"),
            LayerCount = root.RequiredInteger("num_hidden_layers"),
            HeadCount = heads,
            KeyValueHeadCount = root.Integer("num_key_value_heads") ?? heads,
            HeadDimension = headDimension,
            ContextLength = context,
            RmsNormEpsilon = root.Number("rms_norm_eps") ?? 1e-6,
            RopeTheta = theta,
            RopeScaling = scaling,
            ScalarHead = root.Texts("architectures").Any(a => a.EndsWith(Classifier, StringComparison.Ordinal)),
            TieWordEmbeddings = root.Boolean("tie_word_embeddings") ?? false,
            QueryKeyValueBias = attentionBias || always,
            OutputBias = attentionBias && !always,
            QueryKeyNorm = family.QueryKeyNorm,
            MlpBias = root.Boolean("mlp_bias") ?? false,
            BosTokenId = root.Integer("bos_token_id"),
            EosTokenIds = root.Integers("eos_token_id"),
            PadTokenId = root.Integer("pad_token_id"),
            InitializerRange = root.Number("initializer_range") ?? 0.02,
            DType = ReadDType(root),
        }.Validate(source);
    }

    /// <summary>Attention here is full; within a window that covers the whole context it is the same thing.</summary>
    private static void CheckSlidingWindow(ConfigObject root, ModelFamily family, int context)
    {
        bool used = family.SlidingWindow switch
        {
            SlidingWindowUse.WhenPresent => true,
            SlidingWindowUse.WhenSwitchedOn => root.Boolean("use_sliding_window") ?? false,
            _ => false,
        };
        // Transformers' default for these families is 4096 when the key is absent; null switches the window off.
        int? window = root.Has("sliding_window") ? root.Integer("sliding_window") : 4096;
        if (used && window is { } w && w < context)
            throw root.Bad("sliding_window",
                $"is {w}, shorter than max_position_embeddings {context}; sliding-window attention is not supported: set "
                + $"max_position_embeddings to {w} to use the model within its window");
    }

    /// <summary>Old files have <c>rope_theta</c> and <c>rope_scaling</c>, Transformers 5 writes both into <c>rope_parameters</c>, and reads
    /// either name for either content.</summary>
    private static (double Theta, RopeScaling Scaling) ReadRope(ConfigObject root, int context)
    {
        ConfigObject? renamed = root.Object("rope_parameters"), old = root.Object("rope_scaling");
        if (renamed is { } one && old is { } other && !one.IsSameAs(other))
            throw root.Bad("rope_scaling", "is there beside another 'rope_parameters'; remove one of the two");
        ConfigObject? rope = renamed ?? old;
        double? outer = root.Number("rope_theta"), inner = rope?.Number("rope_theta");
        if (outer is { } a && inner is { } b && a != b)
            throw root.Bad("rope_theta", $"is {a}, but {b} within {(renamed is null ? "'rope_scaling'" : "'rope_parameters'")}");
        return (inner ?? outer ?? 10000, rope is { } given ? ReadScaling(given, context) : RopeScaling.None);
    }

    private static RopeScaling ReadScaling(ConfigObject rope, int context)
    {
        if (rope.Number("partial_rotary_factor") is { } part && part != 1)
            throw rope.Bad("partial_rotary_factor", $"is {part}; only whole heads are rotated");
        string? type = rope.Text("rope_type"), old = rope.Text("type");
        if (type is not null && old is not null && type != old)
            throw rope.Bad("type", $"is '{ForeignText.Shorten(old)}', but rope_type is '{ForeignText.Shorten(type)}'");
        type ??= old;
        if (type is null && rope.Keys().FirstOrDefault(key => key is not ("rope_theta" or "partial_rotary_factor")) is { } setting)
            throw rope.Bad("rope_type",
                $"is missing, so that '{ForeignText.Shorten(setting)}' has no meaning; supported are default, linear, dynamic, yarn and "
                + $"llama3");
        return type switch
        {
            null or "default" => RopeScaling.None,
            "linear" => new LinearRopeScaling(rope.RequiredNumber("factor")),
            "llama3" => new Llama3RopeScaling(
                rope.RequiredNumber("factor"),
                rope.RequiredNumber("low_freq_factor"),
                rope.RequiredNumber("high_freq_factor"),
                rope.RequiredInteger("original_max_position_embeddings")),
            "dynamic" => new DynamicRopeScaling(rope.RequiredNumber("factor")),
            "yarn" => ReadYarn(rope, context),
            _ => throw rope.Bad("rope_type", $"is '{ForeignText.Shorten(type)}'; supported are default, linear, dynamic, yarn and llama3"),
        };
    }

    private static YarnRopeScaling ReadYarn(ConfigObject rope, int context)
    {
        int original = rope.Integer("original_max_position_embeddings") ?? context;
        return new YarnRopeScaling(rope.Number("factor") ?? (double)context / original, original)
        {
            FastRotations = rope.Number("beta_fast") ?? 32,
            SlowRotations = rope.Number("beta_slow") ?? 1,
            WholeRange = rope.Boolean("truncate") ?? true,
            StatedAttentionFactor = rope.Number("attention_factor"),
            Mscale = rope.Number("mscale"),
            MscaleAllDimensions = rope.Number("mscale_all_dim"),
        };
    }

    private static TensorDType ReadDType(ConfigObject root)
    {
        string? renamed = root.Text("dtype"), old = root.Text("torch_dtype");
        if (renamed is not null && old is not null && renamed != old)
            throw root.Bad("dtype", $"is '{ForeignText.Shorten(renamed)}', but torch_dtype is '{ForeignText.Shorten(old)}'");
        return (renamed ?? old) switch
        {
            null or "float32" => TensorDType.F32,
            "bfloat16" => TensorDType.BF16,
            "float16" => TensorDType.F16,
            var other => throw root.Bad(renamed is null
                ? "torch_dtype" : "dtype", $"is '{ForeignText.Shorten(other)}'; supported are float32, bfloat16 and float16"),
        };
    }

    public static byte[] Write(LlamaConfig config, LlamaConfigLayout layout)
    {
        config.Validate();
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartArray("architectures");
            json.WriteStringValue(Architecture(config));
            json.WriteEndArray();
            if (Family(config).Biases == AttentionBiases.AsStated)
                json.WriteBoolean("attention_bias", AttentionBias(config));
            json.WriteNumber("attention_dropout", 0.0);
            WriteId(json, "bos_token_id", config.BosTokenId);
            if (layout == LlamaConfigLayout.New)
                json.WriteString("dtype", config.DType.ConfigName());
            WriteEos(json, config.EosTokenIds);
            json.WriteNumber("head_dim", config.HeadDimension);
            json.WriteString("hidden_act", "silu");
            json.WriteNumber("hidden_size", config.HiddenSize);
            if (config.ScalarHead)
                WriteOneLabel(json);
            json.WriteNumber("initializer_range", config.InitializerRange);
            json.WriteNumber("intermediate_size", config.IntermediateSize);
            json.WriteNumber("max_position_embeddings", config.ContextLength);
            json.WriteBoolean("mlp_bias", config.MlpBias);
            json.WriteString("model_type", config.ModelType);
            json.WriteNumber("num_attention_heads", config.HeadCount);
            json.WriteNumber("num_hidden_layers", config.LayerCount);
            json.WriteNumber("num_key_value_heads", config.KeyValueHeadCount);
            WriteId(json, "pad_token_id", config.PadTokenId);
            json.WriteNumber("rms_norm_eps", config.RmsNormEpsilon);
            if (layout == LlamaConfigLayout.New)
            {
                json.WriteStartObject("rope_parameters");
                json.WriteNumber("rope_theta", config.RopeTheta);
                WriteScaling(json, config.RopeScaling);
                json.WriteEndObject();
            }
            else
            {
                if (config.RopeScaling is NoRopeScaling)
                    json.WriteNull("rope_scaling");
                else
                {
                    json.WriteStartObject("rope_scaling");
                    WriteScaling(json, config.RopeScaling);
                    json.WriteEndObject();
                }
                json.WriteNumber("rope_theta", config.RopeTheta);
            }
            if (Family(config).SlidingWindow == SlidingWindowUse.WhenPresent)
                json.WriteNull("sliding_window");
            json.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
            if (layout == LlamaConfigLayout.Legacy)
                json.WriteString("torch_dtype", config.DType.ConfigName());
            json.WriteBoolean("use_cache", true);
            json.WriteNumber("vocab_size", config.VocabularySize);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static ModelFamily Family(LlamaConfig config) => ModelFamily.Find(config.ModelType) ?? ModelFamily.Llama;

    private static string Architecture(LlamaConfig config) =>
        Family(config).Architecture + (config.ScalarHead ? Classifier : "ForCausalLM");

    // Transformers takes the number of labels from this table, and two labels when there is none.
    private static void WriteOneLabel(Utf8JsonWriter json)
    {
        json.WriteStartObject("id2label");
        json.WriteString("0", "LABEL_0");
        json.WriteEndObject();
    }

    private static bool AttentionBias(LlamaConfig config) => config.QueryKeyValueBias == config.OutputBias
        ? config.QueryKeyValueBias
        : throw new InvalidDataException(
            $"Biases on only some of attention's projections cannot be expressed for model_type '{config.ModelType}'.");

    private static void WriteId(Utf8JsonWriter json, string key, int? id)
    {
        if (id is { } value)
            json.WriteNumber(key, value);
        else
            json.WriteNull(key);
    }

    private static void WriteEos(Utf8JsonWriter json, IReadOnlyList<int> ids)
    {
        if (ids.Count <= 1)
        {
            WriteId(json, "eos_token_id", ids.Count == 1 ? ids[0] : null);
            return;
        }
        json.WriteStartArray("eos_token_id");
        foreach (int id in ids)
            json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    private static void WriteScaling(Utf8JsonWriter json, RopeScaling scaling)
    {
        if (scaling is LinearRopeScaling linear)
            json.WriteNumber("factor", linear.Factor);
        if (scaling is DynamicRopeScaling dynamic)
            json.WriteNumber("factor", dynamic.Factor);
        if (scaling is YarnRopeScaling yarn)
            WriteYarn(json, yarn);
        if (scaling is Llama3RopeScaling llama3)
        {
            json.WriteNumber("factor", llama3.Factor);
            json.WriteNumber("high_freq_factor", llama3.HighFrequencyFactor);
            json.WriteNumber("low_freq_factor", llama3.LowFrequencyFactor);
            json.WriteNumber("original_max_position_embeddings", llama3.OriginalContextLength);
        }
        json.WriteString("rope_type", scaling.TypeName);
    }

    private static void WriteYarn(Utf8JsonWriter json, YarnRopeScaling yarn)
    {
        Write("attention_factor", yarn.StatedAttentionFactor);
        json.WriteNumber("beta_fast", yarn.FastRotations);
        json.WriteNumber("beta_slow", yarn.SlowRotations);
        json.WriteNumber("factor", yarn.Factor);
        Write("mscale", yarn.Mscale);
        Write("mscale_all_dim", yarn.MscaleAllDimensions);
        json.WriteNumber("original_max_position_embeddings", yarn.OriginalContextLength);
        json.WriteBoolean("truncate", yarn.WholeRange);

        void Write(string key, double? number)
        {
            if (number is { } value)
                json.WriteNumber(key, value);
        }
    }
}
