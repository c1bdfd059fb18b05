using System.Text;
using Tuna.Models;
using Tuna.Models.Checkpoints;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class LlamaConfigTests
{
    private const string Core =
        """ "vocab_size":100,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4 """;

    private static LlamaConfig Parse(string more) =>
        LlamaConfig.Parse(Encoding.UTF8.GetBytes($"{{{Core}{(more.Length > 0 ? "," : "")}{more}}}"), "my/config.json");

    [Fact]
    public void Parse_SizesOnly_TakesTransformersDefaults()
    {
        LlamaConfig config = Parse("");
        Assert.Equal((4, 8, 2048, 10000.0, 1e-6),
            (config.KeyValueHeadCount, config.HeadDimension, config.ContextLength, config.RopeTheta, config.RmsNormEpsilon));
        Assert.Equal((false, false, false, false), (config.TieWordEmbeddings, config.QueryKeyValueBias, config.OutputBias, config.MlpBias));
        Assert.Equal(RopeScaling.None, config.RopeScaling);
        Assert.Empty(config.EosTokenIds);
    }

    [Fact]
    public void Parse_EosArrayAndNulls_Read()
    {
        LlamaConfig config = Parse(""" "eos_token_id":[7,8],"bos_token_id":null,"head_dim":null,"num_key_value_heads":2 """);
        Assert.Equal([7, 8], config.EosTokenIds);
        Assert.Null(config.BosTokenId);
        Assert.Equal([7, 8], LlamaConfig.Parse(config.ToJson()).EosTokenIds);
    }

    [Theory]
    [InlineData("llama", "LlamaForSequenceClassification")]
    [InlineData("mistral", "MistralForSequenceClassification")]
    [InlineData("qwen2", "Qwen2ForSequenceClassification")]
    [InlineData("qwen3", "Qwen3ForSequenceClassification")]
    public void ToJson_ScalarHead_IsASequenceClassifierOfOneLabel(string family, string architecture)
    {
        LlamaConfig config = Parse("") with { ModelType = family, ScalarHead = true, QueryKeyValueBias = family == "qwen2" };
        using var json = System.Text.Json.JsonDocument.Parse(config.ToJson());
        Assert.Equal(architecture, json.RootElement.GetProperty("architectures")[0].GetString());
        Assert.Single(json.RootElement.GetProperty("id2label").EnumerateObject());
        Assert.True(LlamaConfig.Parse(config.ToJson()).ScalarHead);
        Assert.Equal(new ParameterShape("score.weight", [1, 32]).ToString(), config.Parameters()[^1].ToString());
        Assert.DoesNotContain(config.Parameters(), p => p.Name == "lm_head.weight");
    }

    [Fact]
    public void Parse_ArchitecturesNotTexts_NamesTheKey() =>
        Assert.Contains("architectures",
            Assert.Throws<InvalidDataException>(() => Parse(""" "architectures":"LlamaForCausalLM" """)).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_Qwen3_HasNormsOfQueriesAndKeysAndItsOwnDefaults()
    {
        LlamaConfig config = Parse(""" "model_type":"qwen3","attention_bias":true """);
        Assert.Equal((128, 32768, true, true, true),
            (config.HeadDimension, config.ContextLength, config.QueryKeyNorm, config.QueryKeyValueBias, config.OutputBias));
        Assert.Contains(config.Parameters(), p => p.Name == "model.layers.1.self_attn.k_norm.weight" && p.Shape.SequenceEqual([128L]));
        Assert.Equal(config with { EosTokenIds = [] }, LlamaConfig.Parse(config.ToJson()) with { EosTokenIds = config.EosTokenIds });
        Assert.Contains("sliding_window",
            Assert.Throws<InvalidDataException>(() =>
            Parse(""" "model_type":"qwen3","use_sliding_window":true,"sliding_window":16 """)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LlamaConfigLayout.Legacy)]
    [InlineData(LlamaConfigLayout.New)]
    public void ToJson_Yarn_KeepsEveryNumber(LlamaConfigLayout layout)
    {
        RopeScaling[] scalings = [
            new YarnRopeScaling(4, 64),
            new YarnRopeScaling(4, 64) { FastRotations = 16, SlowRotations = 2, WholeRange = false, StatedAttentionFactor = 1.1 },
            new YarnRopeScaling(4, 64) { Mscale = 0.7, MscaleAllDimensions = 0.3 },
            new DynamicRopeScaling(2)];
        foreach (RopeScaling scaling in scalings)
        {
            LlamaConfig config = Parse("") with { RopeScaling = scaling };
            Assert.Equal(scaling, LlamaConfig.Parse(config.ToJson(layout)).RopeScaling);
        }
    }

    /// <summary>Both ends of the range were infinite, and every frequency NaN.</summary>
    [Theory]
    [InlineData(1e-320, 1e-320)]
    [InlineData(1e308, 1e308)]
    [InlineData(1e308, 1e-320)]
    public void Frequencies_OfYarnWithAbsurdRotations_AreFinite(double fast, double slow)
    {
        var yarn = new YarnRopeScaling(8, 4096) { FastRotations = fast, SlowRotations = slow };

        foreach (double theta in (double[])[1.0000000000000002, 10000, 1e308])
            Assert.All(yarn.Frequencies(theta, 64), f => Assert.InRange(f, 0, 1));
    }

    [Fact]
    public void Frequencies_OfYarn_AreKeptThenInterpolatedThenDivided()
    {
        // d = 64, theta = 10000, 4096 tokens: pair 10.5 turns 32 times, hence up to 10 they are kept, and pair 22.5 once, hence from 23 on
        // they are divided.
        var yarn = new YarnRopeScaling(8, 4096);
        double[] frequencies = yarn.Frequencies(10000, 64), plain = RopeScaling.None.Frequencies(10000, 64);
        Assert.All(Enumerable.Range(0, 11), i => Assert.Equal(plain[i], frequencies[i], 1e-15));
        Assert.All(Enumerable.Range(23, 9), i => Assert.Equal(plain[i] / 8, frequencies[i], 1e-15));
        Assert.InRange(frequencies[17], plain[17] / 8 * 1.01, plain[17] * 0.99);
        Assert.Equal((0.1 * Math.Log(8)) + 1, yarn.AttentionFactor, 1e-15);
        Assert.Equal(1, new YarnRopeScaling(1, 4096).AttentionFactor);
    }

    [Fact]
    public void Parse_Qwen2_HasQueryKeyValueBiasesOnly()
    {
        LlamaConfig config = Parse(""" "model_type":"qwen2","sliding_window":16,"use_sliding_window":false """);
        Assert.True(config.QueryKeyValueBias);
        Assert.False(config.OutputBias);
        Assert.Contains(config.Parameters(), p => p.Name == "model.layers.1.self_attn.k_proj.bias" && p.Shape.SequenceEqual([32L]));
        Assert.DoesNotContain(config.Parameters(), p => p.Name.EndsWith("o_proj.bias", StringComparison.Ordinal));
        Assert.True(LlamaConfig.Parse(config.ToJson()).QueryKeyValueBias);
    }

    [Fact]
    public void Parse_AttentionAndMlpBias_AddParameters()
    {
        LlamaConfig config = Parse(""" "attention_bias":true,"mlp_bias":true,"tie_word_embeddings":true """);
        Assert.Contains(config.Parameters(), p => p.Name == "model.layers.0.self_attn.o_proj.bias");
        Assert.Contains(config.Parameters(), p => p.Name == "model.layers.0.mlp.up_proj.bias" && p.Shape.SequenceEqual([64L]));
        Assert.DoesNotContain(config.Parameters(), p => p.Name == "lm_head.weight");
    }

    [Fact]
    public void Parse_MistralWindowThatCoversTheContext_IsTolerated()
    {
        Assert.Equal(16, Parse(""" "model_type":"mistral","sliding_window":16,"max_position_embeddings":16 """).ContextLength);
        Assert.Equal(64, Parse(""" "model_type":"mistral","sliding_window":null,"max_position_embeddings":64 """).ContextLength);
    }

    [Theory]
    [InlineData(""" "model_type":"mistral","sliding_window":16,"max_position_embeddings":32 """, "sliding_window")]
    [InlineData(""" "model_type":"mistral" """, "sliding_window")]
    [InlineData(""" "model_type":"gemma" """, "gemma")]
    [InlineData(""" "hidden_act":"gelu" """, "gelu")]
    [InlineData(""" "rope_scaling":{"type":"longrope","factor":2} """, "longrope")]
    [InlineData(""" "rope_parameters":{"rope_type":"proportional","factor":2} """, "rope_parameters.rope_type' is 'proportional'")]
    [InlineData(""" "rope_parameters":{"rope_type":"dynamic","factor":0.5} """, "factor")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":0.5} """, "factor")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":2,"beta_fast":1,"beta_slow":2} """, "beta_fast")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":2,"beta_slow":0} """, "beta_slow")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":2,"attention_factor":-1} """, "attention_factor")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":2,"original_max_position_embeddings":0} """,
        "original_max_position_embeddings")]
    [InlineData(""" "rope_scaling":{"type":"linear"} """, "rope_scaling.factor")]
    [InlineData(""" "rope_scaling":{"type":"linear","factor":0.5} """, "factor")]
    [InlineData(
        """ "rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":"""
            + """4,"original_max_position_embeddings":256} """, "high_freq_factor")]
    [InlineData(""" "rope_scaling":3 """, "rope_scaling")]
    [InlineData(""" "num_key_value_heads":3 """, "num_key_value_heads")]
    [InlineData(""" "head_dim":7 """, "head_dim")]
    [InlineData(""" "torch_dtype":"int8" """, "torch_dtype")]
    [InlineData(""" "dtype":"float64" """, "dtype")]
    [InlineData(""" "rms_norm_eps":"small" """, "rms_norm_eps")]
    [InlineData(""" "rms_norm_eps":0 """, "rms_norm_eps")]
    [InlineData(""" "rope_parameters":{"rope_type":"yarn","factor":2,"attention_factor":1e60} """, "attention_factor")]
    [InlineData(""" "initializer_range":1e60 """, "initializer_range")]
    [InlineData(""" "rope_theta":1e-300 """, "rope_theta")]
    [InlineData(""" "tie_word_embeddings":1 """, "tie_word_embeddings")]
    [InlineData(""" "eos_token_id":[1,"x"] """, "eos_token_id")]
    [InlineData(""" "eos_token_id":100 """, "eos_token_id")]
    [InlineData(""" "max_position_embeddings":0 """, "max_position_embeddings")]
    [InlineData(""" "rope_theta":-1 """, "rope_theta")]
    [InlineData(""" "initializer_range":-1 """, "initializer_range")]
    [InlineData(""" "bos_token_id":1e99 """, "bos_token_id")]
    public void Parse_UnsupportedOrBadValue_NamesFileAndKey(string more, string expected)
    {
        var error = Assert.Throws<InvalidDataException>(() => Parse(more));
        Assert.Contains("my/config.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "hidden_size")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("", "not valid JSON")]
    public void Parse_NotAConfig_Throws(string json, string expected) =>
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => LlamaConfig.Parse(Encoding.UTF8.GetBytes(json))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void ToJson_LinearScalingInEitherLayout_RoundTrips()
    {
        LlamaConfig config = Parse(""" "rope_scaling":{"type":"linear","factor":2.5},"rope_theta":5e5 """);
        foreach (LlamaConfigLayout layout in Enum.GetValues<LlamaConfigLayout>())
            Assert.Equal((new LinearRopeScaling(2.5), 5e5),
                (LlamaConfig.Parse(config.ToJson(layout)).RopeScaling, LlamaConfig.Parse(config.ToJson(layout)).RopeTheta));
    }

    [Fact]
    public void Apply_Llama3_KeepsHighDividesLowInterpolatesBetween()
    {
        var scaling = new Llama3RopeScaling(8, 1, 4, 256);
        Assert.Equal(1, scaling.Apply(1));
        Assert.Equal(1e-3 / 8, scaling.Apply(1e-3));
        // Wavelength 128: smooth = (256 / 128 - 1) / (4 - 1) = 1/3, by hand.
        double f = 2 * Math.PI / 128;
        Assert.Equal((2.0 / 3 * f / 8) + (f / 3), scaling.Apply(f), 1e-12);
    }

    [Fact]
    public void Load_MissingFile_NamesIt() =>
        Assert.Contains("config.json", Assert.Throws<InvalidDataException>(() => LlamaConfig.Load(Path.GetTempPath())).Message,
            StringComparison.Ordinal);
}
