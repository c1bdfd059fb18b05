using System.Diagnostics;
using Tuna.Numerics;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Llama.Managed.Tests.Training;

/// <summary>The embedded engine under the trainer: stopped anywhere and started again, it ends with the bytes of a run that was
/// not.</summary>
public sealed class KillAndResumeTests : IDisposable
{
    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Train_CancelledInAnyMicroBatch_ResumesToTheSameBytes()
    {
        Dictionary<string, string> expected = Outcome(_temp["whole"], TinyRun.Train(_temp["whole"]));
        bool done = false;
        for (int n = 1; !done; n++)
        {
            string folder = _temp[$"{n}"];
            using var cancel = new CancellationTokenSource();
            try
            {
                TinyRun.Train(
                    folder,
                    count =>
                    {
                        if (count == n)
                            cancel.Cancel();
                    },
                    cancel.Token);
                done = true;
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(expected, Outcome(folder, TinyRun.Train(folder)));
            }
        }
    }

    [Fact]
    public void Train_ProcessKilledAgainAndAgain_ResumesToTheSameBytes()
    {
        Dictionary<string, string> expected = Outcome(_temp["whole"], TinyRun.Train(_temp["whole"]));
        string folder = _temp["killed"];
        var rng = new Rng(7);
        int kills = 0;
        for (bool done = false; !done;)
        {
            using Process child = Start(folder);
            long target = Checkpoints(folder) + 1 + rng.Next(2);
            // Killed shortly after it got somewhere, at a moment that differs each time: within a pass, a checkpoint, a line of metrics.
            while (!child.WaitForExit(1) && (kills == 4 || Checkpoints(folder) < target))
            {
            }
            Thread.Sleep(rng.Next(8));
            bool kill = kills < 4 && !child.HasExited;
            if (kill)
            {
                child.Kill();
                kills++;
            }
            child.WaitForExit();
            done = child.ExitCode == 0;
            Assert.True(done || kill, kill ? "" : child.StandardError.ReadToEnd());
        }
        Assert.True(kills > 0, "The run was over before it could be killed.");
        Assert.Equal(expected, Outcome(folder, TinyRun.Train(folder)));
    }

    /// <summary>How far a run got: the newest checkpoint's position, which grows by one with every micro-batch.</summary>
    private static long Checkpoints(string folder) => TrainingCheckpoint.FindLatest(folder) is { } latest ? latest.MicroBatchesDone : 0;

    private static Process Start(string folder) =>
        Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")
        ?? "dotnet", ["exec", typeof(KillAndResumeTests).Assembly.Location, folder])
    {
        RedirectStandardError = true,
    })!;

    private static Dictionary<string, string> Outcome(string folder, TrainingResult result)
    {
        var outcome = new Dictionary<string, string>
        {
            ["metrics"] = File.ReadAllText(Path.Combine(folder, "metrics.jsonl")),
            ["history"] = string.Join('\n', result.History),
        };
        foreach (string file in Directory.GetFiles(result.Checkpoint!))
            outcome[Path.GetFileName(file)] = Convert.ToHexString(File.ReadAllBytes(file));
        Assert.True(outcome.Count >= 6, "A checkpoint has config, weights, the engine's state and the trainer's.");
        return outcome;
    }
}
