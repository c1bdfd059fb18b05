namespace Tuna.Cli.Terminal;

/// <summary>Shows how much is done, as counted by a library.</summary>
internal sealed class CountMeter(Meter meter, Func<string>? status = null) : IProgress<int>
{
    public void Report(int value) => meter.At(value, status?.Invoke() ?? "");
}
