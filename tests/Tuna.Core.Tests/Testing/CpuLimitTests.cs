using Tuna.Testing;

namespace Tuna.Core.Tests.Testing;

/// <summary>A hang in a fuzzer once would have been a stuck run.</summary>
public class CpuLimitTests
{
    [Fact]
    public void Run_AnInputThatHangs_FailsAndNamesIt()
    {
        bool stop = false;
        try
        {
            Exception e = Assert.ThrowsAny<Exception>(() => CpuLimit.Run(begin =>
            {
                begin(() => "input 1");
                begin(() => "input 2");
                while (!Volatile.Read(ref stop))
                {
                }
            }, seconds: 0.3));
            Assert.StartsWith("input 2: takes more than", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            Volatile.Write(ref stop, true);
        }
    }

    [Fact]
    public void Run_WaitingAndManyInputs_PassAndFaultsComeThrough()
    {
        int done = 0;
        CpuLimit.Run(begin =>
        {
            for (; done < 4; done++)
            {
                begin(() => $"{done}");
                Thread.Sleep(200); // no time of the processor
            }
        }, seconds: 0.3);
        Assert.Equal(4, done);
        Assert.Throws<InvalidDataException>(() => CpuLimit.Run(_ => throw new InvalidDataException("x")));
    }
}
