using Microsoft.Extensions.Logging;
using Tuna.Cli.Terminal;
using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Passes on what a trainer says of its run folder: where it goes on from, and what of it is damaged.</summary>
/// <remarks>The trainer reads and compares every byte of a checkpoint once; asking it spares a second reading.</remarks>
internal sealed class TrainerNotes(StageUi ui, Meter meter) : ILogger<RankingTrainer>
{
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (eventId.Name == "Resumed" && Value(state, "Step") is long step)
        {
            meter.GoOnFrom(step);
            ui.Note($"Going on from the checkpoint after step {step} of {meter.Total}, {Value(state, "Folder")}.");
        }
        else if (logLevel >= LogLevel.Warning && eventId.Name != "StepSkipped") // the meter shows those
        {
            ui.Warn(formatter(state, exception));
        }
    }

    private static object? Value<TState>(TState state, string name) =>
        (state as IReadOnlyList<KeyValuePair<string, object?>>)?.FirstOrDefault(v => v.Key == name).Value;
}
