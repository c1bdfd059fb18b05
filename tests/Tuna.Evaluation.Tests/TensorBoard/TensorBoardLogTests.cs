using System.Text;
using Tuna.Evaluation.TensorBoard;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Evaluation.Tests.TensorBoard;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    /// <summary>RFC 3720, B.4, and the check value of the CRC catalogue.</summary>
    [Fact]
    public void Crc32C_KnownData_GivesThePublishedValues()
    {
        Assert.Equal(0x8a9136aau, EventRecords.Crc32C(new byte[32]));
        Assert.Equal(0x62a8ab43u, EventRecords.Crc32C([.. Enumerable.Repeat((byte)0xff, 32)]));
        Assert.Equal(0x46dd794eu, EventRecords.Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xe3069283u, EventRecords.Crc32C("123456789"u8));
    }

    /// <summary>The first record of every event file of TensorFlow, but for its time: what its writer gives for a wall time of 1.</summary>
    [Fact]
    public void Write_FileVersion_GivesTheBytesOfTensorFlow()
    {
        var stream = new MemoryStream();
        EventRecords.Write(stream, new ScalarEvent(1, 0, [], FileVersion: "brain.Event:2").Encode());
        byte[] bytes = stream.ToArray();
        // The length 24 and its masked CRC begin every such file.
        Assert.Equal("1800000000000000A37F4B22", Convert.ToHexString(bytes[..12]));
        Assert.Equal("09000000000000F03F1A0D" + Convert.ToHexString(Encoding.ASCII.GetBytes("brain.Event:2")),
            Convert.ToHexString(bytes[12..36]));
        Assert.Equal(40, bytes.Length);
    }

    [Fact]
    public void Encode_Scalars_GivesProtobufsWireFormat()
    {
        byte[] bytes = new ScalarEvent(0.5, 300, [("a", 1f), ("bc", -2f)]).Encode();
        Assert.Equal("09000000000000E03F" + "10AC02" // wall time; step 300 as a varint
            + "2A15" // summary
            + "0A08" + "0A0161" + "150000803F" // value: tag, simple value
            + "0A09" + "0A026263" + "15000000C0", Convert.ToHexString(bytes));
        ScalarEvent read = ScalarEvent.Decode(bytes);
        Assert.Equal((0.5, 300L), (read.WallTime, read.Step));
        Assert.Equal([("a", 1f), ("bc", -2f)], read.Values);
    }

    [Fact]
    public void Read_TornOrDamagedRecord_StopsBeforeIt()
    {
        var stream = new MemoryStream();
        EventRecords.Write(stream, "one"u8);
        EventRecords.Write(stream, "two"u8);
        byte[] whole = stream.ToArray();
        Assert.Equal(2, EventRecords.Read(new MemoryStream(whole)).Count());
        for (int length = whole.Length - 1; length > whole.Length / 2; length--)
            Assert.Single(EventRecords.Read(new MemoryStream(whole[..length])));
        for (int i = whole.Length / 2; i < whole.Length; i++)
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            Assert.Single(EventRecords.Read(new MemoryStream(damaged)));
        }
    }

    [Fact]
    public void Log_Run_HasEveryFigureOfEveryStepAndEvaluation()
    {
        var clock = new Clock();
        using (var log = new TensorBoardLog(_temp["run"], clock))
        {
            log.Started([], []);
            log.StepDone(Step(1));
            log.StepDone(Step(2) with { Loss = double.NaN, GradientNorm = double.NaN, Skipped = "why" });
            log.Evaluated(Evaluation(2));
        }

        List<ScalarEvent> events = Events(Assert.Single(Files()));
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal([1L, 2, 2], events.Skip(1).Select(e => e.Step));
        Assert.Equal(1e-3f, events[1].Values.Single(v => v.Tag == "train/learning_rate").Value);
        Assert.Equal(["train/loss", "train/learning_rate", "train/gradient_norm", "train/active_fraction", "train/margin",
            "train/pair_accuracy", "train/tokens"], events[1].Values.Select(v => v.Tag));
        Assert.DoesNotContain(events[2].Values, v => v.Tag is "train/loss" or "train/gradient_norm");
        Assert.Equal([("held_out/loss", 2f), ("held_out/pair_accuracy", 0.5f)], events[3].Values);
        Assert.Equal(1_700_000_000, events[1].WallTime, 60.0);
    }

    [Theory]
    [InlineData(3, 2)] // the checkpoint is older than what was written
    [InlineData(3, 3)]
    [InlineData(0, 3)] // the option comes late: nothing was written before
    public void Log_ResumedRun_HasEachStepOnceAtItsOwnTime(int written, int resumedFrom)
    {
        var clock = new Clock();
        TrainingStep[] steps = [.. Enumerable.Range(1, 5).Select(i => Step(i))];
        using (var log = new TensorBoardLog(_temp["run"], clock))
        {
            if (written > 0)
                log.Started([], []);
            foreach (TrainingStep step in steps[..written])
            {
                log.StepDone(step);
                if (step.Step == 2)
                    log.Evaluated(Evaluation(2));
            }
        }

        Dictionary<long, double> times = [];
        if (written > 0)
        {
            foreach (ScalarEvent e in Events(Files().Single()).Where(e => e.Step > 0))
                times.TryAdd(e.Step, e.WallTime);
            // A torn last record, as a kill leaves it.
            using FileStream torn = File.Open(Files().Single(), FileMode.Append);
            torn.Write([24, 0, 0]);
        }

        clock.Seconds += 1000;
        using (var log = new TensorBoardLog(_temp["run"], clock))
        {
            log.Started(steps[..resumedFrom], [Evaluation(2)]);
            foreach (TrainingStep step in steps[resumedFrom..])
                log.StepDone(step);
        }

        List<ScalarEvent> events = Events(Assert.Single(Files()));
        Assert.Equal(written > 0, events[1].Starts);
        Assert.Equal([1L, 2, 3, 4, 5], events.Where(e => e.Values.Any(v => v.Tag == "train/loss")).Select(e => e.Step));
        Assert.Equal([2L], events.Where(e => e.Values.Any(v => v.Tag == "held_out/loss")).Select(e => e.Step));
        int kept = Math.Min(written, resumedFrom);
        foreach (ScalarEvent e in events.Where(e => e.Step > 0 && e.Step <= kept && e.Values[0].Tag == "train/loss"))
            Assert.Equal(times[e.Step], e.WallTime);
    }

    [Fact]
    public void Log_FreshRunInAUsedFolder_DeletesNothingAndIsTheOneShown()
    {
        var clock = new Clock();
        for (int run = 0; run < 2; run++)
        {
            using var log = new TensorBoardLog(_temp["run"], clock);
            log.Started([], []);
            log.StepDone(Step(1) with { Loss = run });
        }

        string[] files = Files();
        Assert.Equal(2, files.Length);
        List<ScalarEvent> shown = [];
        foreach (ScalarEvent e in files.SelectMany(Events))
        {
            if (e.Starts)
                shown.RemoveAll(s => s.Step >= e.Step);
            if (e.Values.Count > 0)
                shown.Add(e);
        }

        Assert.Equal(1f, Assert.Single(shown).Values.Single(v => v.Tag == "train/loss").Value);
    }

    [Fact]
    public void Log_FolderInUse_IsRefused()
    {
        using var log = new TensorBoardLog(_temp["run"]);
        Assert.Throws<Tuna.IO.FileInUseException>(() => new TensorBoardLog(_temp["run"]));
        Assert.Throws<InvalidOperationException>(() => log.StepDone(Step(1)));
    }

    private string[] Files() => [.. Directory.GetFiles(_temp["run"], "*tfevents*").Order(StringComparer.Ordinal)];

    private static List<ScalarEvent> Events(string file)
    {
        using FileStream stream = File.OpenRead(file);
        List<ScalarEvent> events = [.. EventRecords.Read(stream).Select(r => ScalarEvent.Decode(r))];
        Assert.Equal(stream.Length, stream.Position); // not a byte that is no record
        return events;
    }

    private static TrainingStep Step(long step) => new()
    {
        Step = step,
        Epoch = 1,
        Loss = 1.0 / step,
        LearningRate = 1e-3,
        GradientNorm = 2,
        ActiveFraction = 0.5,
        Margin = 0.1,
        PairAccuracy = 0.75,
        Groups = 2,
        Responses = 8,
        Tokens = 100,
    };

    private static TrainingEvaluation Evaluation(long step) =>
        new(step, new SortedDictionary<string, double>(StringComparer.Ordinal) { ["loss"] = step, ["pairAccuracy"] = 0.5 });

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; } = 1_700_000_000;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Seconds += 0.5);
    }
}
