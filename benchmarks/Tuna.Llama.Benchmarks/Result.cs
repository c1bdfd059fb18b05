using System.Globalization;

namespace Tuna.Llama.Benchmarks;

/// <summary>What a child process reports in a line.</summary>
/// <param name="Milliseconds">Fastest step.</param>
/// <param name="ProcessorMilliseconds">Least processor time of a step, all threads together: what a busy machine cannot stretch.</param>
/// <param name="PeakMegabytes">Peak memory of the process.</param>
/// <param name="Loss">Loss before the first step.</param>
internal sealed record Result(double Milliseconds, double ProcessorMilliseconds, double PeakMegabytes, double Loss)
{
    public static Result Parse(string line)
    {
        double[] numbers = [.. line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
        return new Result(numbers[0], numbers[1], numbers[2], numbers[3]);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Milliseconds} {ProcessorMilliseconds} {PeakMegabytes} {Loss}");
}
