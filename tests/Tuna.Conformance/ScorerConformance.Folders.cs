using System.Text.Json.Nodes;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Conformance;

/// <summary>Nothing of a config is believed that the weights beside it do not bear out. Configs of 300 bytes once took 6 GB, or forty
/// seconds, or ended in an overflow.</summary>
public abstract partial class ScorerConformance
{
    /// <summary>Whether the model is read from a Hugging Face folder of a LLaMA; a model for tests of the trainer alone is not. Default
    /// true.</summary>
    protected virtual bool ReadsHuggingFaceFolders => true;

    public static TheoryData<string, string, string> BadConfigs => new()
    {
        { "num_hidden_layers", "2147483647", "num_hidden_layers" },
        { "num_hidden_layers", "1000000", "num_hidden_layers" },
        { "num_hidden_layers", "20000", "num_hidden_layers" },
        { "num_hidden_layers", "9", "missing" },
        { "num_attention_heads", "1073741824", "head" },
        { "head_dim", "2147483646", "head_dim" },
        { "hidden_size", "2147483647", "shape" },
        { "intermediate_size", "2147483647", "shape" },
        { "vocab_size", "2147483647", "shape" },
        { "vocab_size", "1e400", "vocab_size" },
        { "rope_scaling", """{"rope_type": "default", "rope_theta": 500000, "factor": 3}""", "rope" },
        { "rope_scaling", """{"rope_theta": 500000}""", "rope" },
        { "rms_norm_eps", "1e400", "rms_norm_eps" },
        // A row of zeros under such a norm is 0 / 0.
        { "rms_norm_eps", "0", "rms_norm_eps" },
        { "rms_norm_eps", "1e-60", "rms_norm_eps" },
        { "rms_norm_eps", "1e60", "rms_norm_eps" },
        { "rope_theta", "1e-300", "rope_theta" },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void Load_ConfigThatTheWeightsDoNotBearOut_IsRefusedAtOnceAndTakesNoMemory(string key, string value, string said)
    {
        if (!ReadsHuggingFaceFolders)
            return;
        using var folder = new TempFolder();
        using (ITrainableScorer model = Create(1))
            model.SaveModel(folder.Root);
        SetConfig(folder.Root, key, value);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Load(folder.Root).Dispose());
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
        Assert.Contains(folder.Root, e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 256L << 20); // of all threads: other tests run too
    }

    /// <summary>A row of zeros, as a token's that was never trained, under the smallest epsilon that is taken: a norm is no
    /// 0 / 0.</summary>
    [Fact]
    public void Load_EmbeddingsOfZerosAndTheSmallestEpsilon_GiveFiniteScores()
    {
        if (!ReadsHuggingFaceFolders)
            return;
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["own"]);
        using (ITrainableScorer model = Create(1))
            model.SaveModel(folder["own"]);
        SavedWeights.CopyWith(folder["own"], folder["zeros"], "model.safetensors", "model.embed_tokens.weight", Array.Clear);
        SetConfig(folder["zeros"], "rms_norm_eps", "1.2e-38");
        using ITrainableScorer loaded = Load(folder["zeros"]);
        TokenGroup[] groups = Groups(loaded.Info);
        Assert.All(Scores(loaded, groups), score => Assert.True(double.IsFinite(score), $"{score}"));
    }

    [Fact]
    public void Load_LongestContextThereIs_CostsNothing()
    {
        if (!ReadsHuggingFaceFolders)
            return;
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        model.SaveModel(folder.Root);
        SetConfig(folder.Root, "max_position_embeddings", "2147483647");
        using ITrainableScorer loaded = Load(folder.Root);
        Assert.Equal(int.MaxValue, loaded.Info.ContextLength);
        TokenGroup[] groups = Groups(model.Info);
        Assert.Equal(Scores(model, groups), Scores(loaded, groups));
        if (loaded is ITrainablePolicy policy)
            Assert.Equal(4, policy.Sample([new SamplingRequest { Prompt = new[] { 1, 2 }, MaxNewTokens = 4 }])[0][0].Tokens.Count);
    }

    /// <summary>A tuned output layer beside a config that ties it was once dropped without a word.</summary>
    [Fact]
    public void Load_TiedOutputLayerThatDiffersFromTheEmbedding_IsRefused()
    {
        if (!ReadsHuggingFaceFolders)
            return;
        using var folder = new TempFolder();
        using (ITrainableScorer model = Create(1))
        {
            if (model is not IPolicyModel)
                return; // a reward model has no output layer
            Directory.CreateDirectory(folder["own"]);
            model.SaveModel(folder["own"]);
        }

        foreach (bool differs in new[] { false, true })
        {
            string copy = folder[$"copy-{differs}"];
            WriteWithOutputLayer(folder["own"], copy, differs);
            SetConfig(copy, "tie_word_embeddings", "true");
            if (!differs)
                Load(copy).Dispose();
            else
                Assert.Contains("lm_head.weight", Assert.Throws<InvalidDataException>(() => Load(copy).Dispose()).Message,
                    StringComparison.Ordinal);
        }
    }

    private static void WriteWithOutputLayer(string folder, string to, bool differs)
    {
        const string weights = "model.safetensors", embedding = "model.embed_tokens.weight", output = "lm_head.weight";
        Directory.CreateDirectory(to);
        File.Copy(Path.Combine(folder, "config.json"), Path.Combine(to, "config.json"));
        using SafetensorsFile from = SafetensorsFile.Open(Path.Combine(folder, weights));
        TensorSpec[] specs = [.. from.Tensors.Values.Where(t => t.Name != output).Select(t => new TensorSpec(t.Name, t.DType, t.Shape)),
            new TensorSpec(output, from[embedding].DType, from[embedding].Shape)];
        using var writer = new SafetensorsWriter(Path.Combine(to, weights), specs, from.Metadata);
        foreach (TensorSpec spec in specs)
        {
            float[] values = from.ReadSingles(spec.Name == output ? embedding : spec.Name);
            if (spec.Name == output && differs)
                values[^1] += 1;
            writer.Write(spec.Name, values);
        }

        writer.Complete();
    }

    private static void SetConfig(string folder, string key, string value)
    {
        string path = Path.Combine(folder, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config.Remove(key);
        string rest = config.ToJsonString();
        File.WriteAllText(path, $"{rest[..^1]}, \"{key}\": {value}}}");
    }
}
