using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;
using Tuna.Numerics;

namespace Tuna.Cli.Tests.Reliability;

/// <summary>A clock that jumps, forward and back, by seconds and by years, changes what is shown at most: results have the same
/// bytes.</summary>
public class ClockTests
{
    [Theory]
    [InlineData("convert")]
    [InlineData("sample")]
    [InlineData("generate")]
    [InlineData("train")]
    [InlineData("rank-policy")]
    [InlineData("evaluate")]
    public async Task Stage_UnderAJumpingClock_GivesTheSameBytes(string name)
    {
        CrashStage stage = CrashStage.All.Single(s => s.Name == name);
        using Workspace work = await CrashStage.PrepareAsync();
        await RunAsync(TimeProvider.System, "whole");
        await RunAsync(new JumpingClock(), "other");
        foreach (((string file, byte[] was), (_, byte[] now)) in stage.Read(work, "whole").Zip(stage.Read(work, "other")))
            Assert.True(was.AsSpan().SequenceEqual(now), file);

        async Task RunAsync(TimeProvider time, string output)
        {
            using var error = new StringWriter();
            string[] line = [.. stage.Arguments(output)
                .Select(a => File.Exists(work[a]) || Directory.Exists(work[a]) || a == output
                ? work[a] : a.Replace("policy:", "policy:" + work.Root + "/", StringComparison.Ordinal)).Where(a => a != "-q")];
            int code = await new App(new StringWriter(), error, time, () => ExitCodes.Cancelled).RunAsync(line, CancellationToken.None);
            Assert.True(code == 0, error.ToString());
        }
    }

    private sealed class JumpingClock : TimeProvider
    {
        private readonly Lock _gate = new();
        private readonly Rng _random = new(4);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Jump(3e9));

        public override long GetTimestamp() => (long)(Jump(1e9) * TimestampFrequency);

        // Small steps and large ones, in both directions.
        private double Jump(double most)
        {
            lock (_gate)
                return most * Math.Pow(10, -_random.Next(10)) * _random.NextDouble();
        }
    }
}
