using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Tuna.Testing;

/// <summary>Runs a loop over inputs, of which none may take more than some seconds of the processor: a hang is a test that fails and names
/// the input, not a run that never ends. Time of the thread counts, so that a loaded machine fails nothing.</summary>
internal static class CpuLimit
{
    /// <param name="loop">Does the work; it calls its argument before each input, with what names the input.</param>
    /// <param name="seconds">Most processor time of one input.</param>
    public static void Run(Action<Action<Func<string>>> loop, double seconds = 20)
    {
        Func<string>? input = null;
        long inputs = 0;
        ThreadTime? time = null;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            Volatile.Write(ref time, ThreadTime.OfThis());
            try
            {
                loop(name =>
                {
                    Volatile.Write(ref input, name);
                    Interlocked.Increment(ref inputs);
                });
            }
            catch (Exception e)
            {
                thrown = e;
            }
        })
        {
            IsBackground = true, // one that hangs ends with the process
        };
        thread.Start();
        (long seen, double since) = (-1, 0);
        while (!thread.Join(200))
        {
            (long at, double now) = (Interlocked.Read(ref inputs), Volatile.Read(ref time)?.Seconds ?? 0);
            if (at != seen)
                (seen, since) = (at, now);
            else if (now - since > seconds)
                Assert.Fail($"{Volatile.Read(ref input)?.Invoke()}: takes more than {seconds} s of processor time, and goes on.");
        }

        if (thrown is not null)
            ExceptionDispatchInfo.Throw(thrown);
    }

    /// <summary>The processor time of a thread. Where the system does not tell it of one thread, a share of the clock's.</summary>
    private sealed class ThreadTime(string? stat)
    {
        private const double TicksPerSecond = 100, ShareOfTheClock = 0.05;

        private readonly long _start = Stopwatch.GetTimestamp();

        public static ThreadTime OfThis()
        {
            const string Self = "/proc/thread-self/stat";
            return new(File.Exists(Self) ? $"/proc/self/task/{File.ReadAllText(Self).Split(' ')[0]}/stat" : null);
        }

        public double Seconds
        {
            get
            {
                try
                {
                    if (stat is null)
                        return Stopwatch.GetElapsedTime(_start).TotalSeconds * ShareOfTheClock;
                    // The name in parentheses may hold spaces; user and system time are the 12th and 13th after it.
                    string text = File.ReadAllText(stat);
                    string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
                    return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
                        / TicksPerSecond;
                }
                catch (IOException)
                {
                    return 0; // it has just ended
                }
            }
        }
    }
}
