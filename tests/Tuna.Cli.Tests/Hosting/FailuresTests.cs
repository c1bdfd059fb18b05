using Tuna.Cli.Hosting;

namespace Tuna.Cli.Tests.Hosting;

public class FailuresTests
{
    [Fact]
    public void Explain_ARefusalOfALibrary_IsBadInput_NotADefect()
    {
        (int code, string message) = Failures.Explain(new NotSupportedException("tokenizer.json: the pre-tokenizer 'X' is not supported."));

        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Equal("tokenizer.json: the pre-tokenizer 'X' is not supported.", message);
    }

    [Fact]
    public void Explain_ADefect_SaysSo()
    {
        (int code, string message) = Failures.Explain(new InvalidCastException());

        Assert.Equal(ExitCodes.Defect, code);
        Assert.Contains("report", message, StringComparison.Ordinal);
    }
}
