using System.Globalization;
using Tuna.IO;
using Tuna.Training;

namespace Tuna.Evaluation.TensorBoard;

/// <summary>Writes a run's curves for TensorBoard: an event file in a folder of the run's own, with a scalar per figure of each step and
/// evaluation.</summary>
/// <remarks>
/// <para>Tags are <c>train/loss</c>, <c>train/learning_rate</c>, <c>train/gradient_norm</c>, <c>train/active_fraction</c>,
/// <c>train/margin</c>, <c>train/pair_accuracy</c>, <c>train/tokens</c>, and <c>held_out/NAME</c> for each value of an evaluation. A step
/// that was left out has the figures that are finite.</para>
/// <para>
/// A resumed run has each step once: its new file begins with what the old one says of the steps that count, at their times, and a mark
/// that makes a TensorBoard which is open forget the rest. Steps that were never written here, as when the option is given on resuming
/// only, are written too. The old file is deleted when the new one is whole. A fresh run deletes nothing; the mark makes it the one that
/// is shown. Each event reaches the file at once.
/// </para>
/// <para>Used by one thread; one process at a time writes in a folder.</para>
/// </remarks>
public sealed class TensorBoardLog : ITrainingObserver, IDisposable
{
    private const string Prefix = "events.out.tfevents.";
    private const string Suffix = ".tuna";
    private const string Version = "brain.Event:2";

    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly FileLock _lock;
    private FileStream? _stream;

    /// <summary>Opens a folder; nothing is written before the run begins.</summary>
    /// <param name="folder">The run's folder, below what TensorBoard's <c>--logdir</c> names; created when it is missing.</param>
    /// <param name="time">The clock; the system's when null.</param>
    /// <exception cref="FileInUseException">Another process writes there.</exception>
    public TensorBoardLog(string folder, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _folder = folder;
        _time = time ?? TimeProvider.System;
        _lock = FileLock.Acquire(Path.Combine(folder, "tensorboard"));
    }

    /// <inheritdoc/>
    public void Started(IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations)
    {
        ArgumentNullException.ThrowIfNull(steps);
        ArgumentNullException.ThrowIfNull(evaluations);
        _stream?.Dispose();
        string? last = Directory.GetFiles(_folder, Prefix + "*" + Suffix).Order(StringComparer.Ordinal).LastOrDefault();
        string path = Path.Combine(_folder, NextName(last));
        bool resumes = steps.Count > 0;
        Dictionary<(bool, long), byte[]> known = resumes && last is not null ? Read(last) : [];
        AtomicFile.Write(path, stream =>
        {
            EventRecords.Write(stream, new ScalarEvent(Now, 0, [], FileVersion: Version).Encode());
            if (last is not null)
                EventRecords.Write(stream, new ScalarEvent(Now, 0, [], Starts: true).Encode());
            int e = 0;
            foreach (TrainingStep step in steps)
            {
                EventRecords.Write(stream, known.GetValueOrDefault((false, step.Step)) ?? Event(step).Encode());
                for (; e < evaluations.Count && evaluations[e].Step == step.Step; e++)
                    EventRecords.Write(stream, known.GetValueOrDefault((true, step.Step)) ?? Event(evaluations[e]).Encode());
            }
        });
        if (resumes && last is not null)
            File.Delete(last);
        _stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    /// <inheritdoc/>
    public void StepDone(TrainingStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        EventRecords.Write(Open, Event(step).Encode());
    }

    /// <inheritdoc/>
    public void Evaluated(TrainingEvaluation evaluation)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        EventRecords.Write(Open, Event(evaluation).Encode());
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _stream?.Dispose();
        _lock.Dispose();
    }

    private FileStream Open => _stream ?? throw new InvalidOperationException("The run has not begun.");

    private double Now => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    // TensorBoard reads the files of a folder in the order of their names, which begin with a time.
    private string NextName(string? last)
    {
        long seconds = _time.GetUtcNow().ToUnixTimeSeconds();
        if (last is not null && long.TryParse(Path.GetFileName(last)[Prefix.Length..^Suffix.Length], CultureInfo.InvariantCulture,
            out long before))
            seconds = Math.Max(seconds, before + 1);
        return string.Create(CultureInfo.InvariantCulture, $"{Prefix}{seconds:D10}{Suffix}");
    }

    private static Dictionary<(bool IsEvaluation, long Step), byte[]> Read(string path)
    {
        var known = new Dictionary<(bool, long), byte[]>();
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        foreach (byte[] record in EventRecords.Read(stream))
        {
            ScalarEvent read = ScalarEvent.Decode(record);
            if (read.Values.Count > 0)
                known[(read.Values[0].Tag.StartsWith("held_out/", StringComparison.Ordinal), read.Step)] = record;
        }
        return known;
    }

    private ScalarEvent Event(TrainingStep step)
    {
        (string Name, double? Value)[] figures =
        [
            ("loss", step.Loss), ("learning_rate", step.LearningRate), ("gradient_norm", step.GradientNorm),
            ("active_fraction", step.ActiveFraction), ("margin", step.Margin), ("pair_accuracy", step.PairAccuracy),
            ("tokens", step.Tokens),
        ];
        return new(Now, step.Step, [.. figures.Where(f => f.Value is { } value && double.IsFinite(value))
            .Select(f => ("train/" + f.Name, (float)f.Value!.Value))]);
    }

    private ScalarEvent Event(TrainingEvaluation evaluation) =>
        new(Now, evaluation.Step, [.. evaluation.Evaluation.Select(v => ("held_out/" + SnakeCase(v.Key), (float)v.Value))]);

    private static string SnakeCase(string name) =>
        string.Concat(name.Select(c => char.IsAsciiLetterUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString()));
}
