using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>Of 600 flipped bits in checkpoints 172 once loaded other weights without a word, and a run whose only checkpoint was damaged
/// began again.</summary>
public sealed class CheckpointDamageTests : IDisposable
{
    private static readonly TokenGroup[] s_groups = TrainingFixtures.Groups(11);
    private static readonly TrainerOptions s_options = TrainingFixtures.Options with { CheckpointEverySteps = 1, KeepCheckpoints = 2 };

    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    private TrainingResult Train(string name, int keep = 2, ILogger<RankingTrainer>? logger = null)
    {
        using var policy = new BigramPolicy();
        return new RankingTrainer(policy, new HingeLoss(), s_options with { RunFolder = _temp[name], KeepCheckpoints = keep }, logger)
            .Train(s_groups);
    }

    [Fact]
    public void FindLatest_AnyBitFlipped_PassesTheCheckpointOver()
    {
        Train("run");
        string newest = TrainingCheckpoint.FindLatest(_temp["run"])!.Folder;
        var random = new Rng(16);
        foreach (string file in Directory.GetFiles(newest))
        {
            byte[] whole = File.ReadAllBytes(file);
            for (int i = 0; i < 60; i++)
            {
                byte[] flipped = [.. whole];
                int bit = random.Next(whole.Length * 8);
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                File.WriteAllBytes(file, flipped);
                TrainingCheckpoint? found = TrainingCheckpoint.FindLatest(_temp["run"], out IReadOnlyList<string> passedOver);
                Assert.NotEqual(newest, found!.Folder);
                Assert.Contains(newest, Assert.Single(passedOver));
            }
            File.WriteAllBytes(file, whole);
        }
        Assert.Equal(newest, TrainingCheckpoint.FindLatest(_temp["run"])!.Folder);
    }

    [Fact]
    public void FindLatest_FileAddedMissingOrRenamed_SaysWhich()
    {
        Train("run");
        string newest = TrainingCheckpoint.FindLatest(_temp["run"])!.Folder;
        File.WriteAllText(Path.Combine(newest, "extra"), "");
        Assert.Contains("'extra' does not have the content", Fault());
        File.Delete(Path.Combine(newest, "extra"));
        File.Move(Path.Combine(newest, "config.json"), Path.Combine(newest, "other.json"));
        Assert.Contains("'other.json'", Fault());
        File.Delete(Path.Combine(newest, "other.json"));
        Assert.Contains("states files that are missing", Fault());
        File.Delete(Path.Combine(newest, CheckpointChecksums.FileName));
        Assert.Contains($"{CheckpointChecksums.FileName} is missing", Fault());

        string Fault()
        {
            TrainingCheckpoint.FindLatest(_temp["run"], out IReadOnlyList<string> passedOver);
            return Assert.Single(passedOver);
        }
    }

    [Fact]
    public void Train_OnlyCheckpointDamaged_IsRefusedAndNotBegunAgain()
    {
        Train("run", keep: 1);
        string newest = TrainingCheckpoint.FindLatest(_temp["run"])!.Folder;
        string weights = Path.Combine(newest, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Train("run", keep: 1));
        Assert.Contains("'model.safetensors' does not have the content", e.Message);
        Assert.Contains("delete the run folder to start again", e.Message);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Assert.Equal(0, Train("run", keep: 1).Steps - Train("run", keep: 1).ResumedFromStep);
    }

    [Theory]
    [InlineData("deleted")]
    [InlineData("cut")]
    [InlineData("flipped")]
    public void Train_MetricsDamaged_ArePutBackFromTheCheckpoint(string how)
    {
        Train("run");
        string metrics = _temp["run", MetricsFile.FileName];
        byte[] whole = File.ReadAllBytes(metrics);
        byte[] damaged = how == "cut" ? whole[..^5] : [(byte)(whole[0] ^ 1), .. whole[1..]];
        if (how == "deleted")
            File.Delete(metrics);
        else
            File.WriteAllBytes(metrics, damaged);
        Train("run");
        Assert.Equal(whole, File.ReadAllBytes(metrics));
    }

    /// <summary>A folder as the version before checksums wrote it.</summary>
    private JsonObject MakeOld(string checkpoint)
    {
        File.Delete(Path.Combine(checkpoint, CheckpointChecksums.FileName));
        File.Delete(Path.Combine(checkpoint, MetricsFile.FileName));
        string file = Path.Combine(checkpoint, TrainingCheckpoint.StateFile);
        JsonObject state = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        state["version"] = 1;
        state["options"]!["Loss"] = LossProbe.Of(new HingeLoss());
        state["options"]!.AsObject().Remove(nameof(TrainerOptions.MicroBatchTokens));
        state["files"] = new JsonObject(Directory.GetFiles(checkpoint).Where(f => f != file)
            .Select(f => KeyValuePair.Create(Path.GetFileName(f), (JsonNode?)new FileInfo(f).Length)));
        File.WriteAllText(file, state.ToJsonString());
        return state;
    }

    [Fact]
    public void Train_CheckpointOfTheVersionBefore_IsResumed()
    {
        TrainingResult whole = Train("whole");
        Train("run");
        TrainingCheckpoint latest = TrainingCheckpoint.FindLatest(_temp["run"])!;
        Directory.Delete(latest.Folder, recursive: true);
        TrainingCheckpoint old = TrainingCheckpoint.FindLatest(_temp["run"])!;
        MakeOld(old.Folder);
        TrainingResult result = Train("run");
        Assert.Equal(old.Step, result.ResumedFromStep);
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole.Checkpoint!, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(result.Checkpoint!, "model.safetensors")));
    }

    [Theory]
    [InlineData("step", -1, "'step' is too small")]
    [InlineData("step", 3, "the folder's name does not fit")]
    [InlineData("microBatch", 1, "the folder's name does not fit")]
    [InlineData("metricsLength", -1, "'metricsLength' is too small")]
    [InlineData("skippedSteps", 9, "9 skipped steps of 4")]
    [InlineData("partial", null, "'partial', 'options' or 'data' is null")]
    [InlineData("options", null, "'partial', 'options' or 'data' is null")]
    [InlineData("epoch", 7, "does not follow from step")]
    [InlineData("groupsDoneInEpoch", 5, "does not follow from step")]
    [InlineData("microBatchesDone", 77, "do not follow from step")]
    public void Train_OldCheckpointThatDisagreesWithItself_IsNamed(string field, int? value, string expected)
    {
        Train("run", keep: 1);
        string checkpoint = TrainingCheckpoint.FindLatest(_temp["run"])!.Folder;
        JsonObject state = MakeOld(checkpoint);
        state[field] = value;
        File.WriteAllText(Path.Combine(checkpoint, TrainingCheckpoint.StateFile), state.ToJsonString());
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Train("run", keep: 1)).Message);
    }

    [Fact]
    public void FindLatest_TrainerJsonFuzzed_NeverThrows()
    {
        Train("run", keep: 1);
        string checkpoint = TrainingCheckpoint.FindLatest(_temp["run"])!.Folder,
            file = Path.Combine(checkpoint, TrainingCheckpoint.StateFile);
        MakeOld(checkpoint);
        byte[] whole = File.ReadAllBytes(file);
        var random = new Rng(17);
        for (int round = 0; round < 2000 * Fuzzing.Factor; round++)
        {
            File.WriteAllBytes(file, Fuzzing.Damage(whole, random));
            TrainingCheckpoint? found = TrainingCheckpoint.FindLatest(_temp["run"], out IReadOnlyList<string> passedOver);
            Assert.True(found is not null || passedOver.Count == 1);
        }
    }
}
