using Tuna.Data;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>A stage that makes one output row per input row: resumable, whatever happens.</summary>
/// <remarks>
/// Finished rows go into a journal beside the output (<c>OUT.journal</c>, append-only). When all are there, the output appears at once, in
/// the order of the input, and the journal goes. Lines of the journal carry checksums: what is damaged is made again. Rows that an existing
/// output or journal holds are not made again; a row counts as the same when its key is: id and content.
/// </remarks>
internal sealed class RowStage<TIn, TOut>(string output, RowFormat<TOut> format, Func<TIn, string> keyOfInput,
    Func<TOut, string> keyOfOutput)
    where TOut : class
{
    private const int NamedLines = 10;

    private static readonly DataReadOptions s_anyIds = new() { DuplicateIds = DuplicateIds.Allow };

    private readonly string _journalPath = output + ".journal";

    /// <summary>Where the settings of the rows are kept.</summary>
    public string SettingsPath => output + ".settings.json";

    /// <summary>Makes the missing rows.</summary>
    /// <param name="rows">All input rows.</param>
    /// <param name="fingerprint">What the rows depend on.</param>
    /// <param name="ui">Shows progress.</param>
    /// <param name="what">Names the work.</param>
    /// <param name="make">Makes the rows given and hands each finished one to the sink; a row that it does not hand over has
    /// failed.</param>
    public async Task<RowStageResult<TOut>> RunAsync(IReadOnlyList<TIn> rows, Fingerprint fingerprint, StageUi ui, string what,
        Func<IReadOnlyList<TIn>, RowSink<TOut>, Task> make)
    {
        InputFile.RefuseAsOutput(output);
        using JsonlJournal journal = JsonlJournal.Open(_journalPath, checksums: true);
        if (journal.RepairedBytes > 0)
            ui.Note($"{_journalPath}: the last line was torn by an interruption ({journal.RepairedBytes} bytes) and was removed; its row "
                + $"is made again.");
        var done = new Dictionary<string, TOut>(StringComparer.Ordinal);
        if (File.Exists(output))
            Load(DataFile.Read(output, format, s_anyIds), done);
        Load(journal.ReadRows(format, s_anyIds), done);
        if (journal.DamagedLines is { Count: > 0 } damaged)
            ui.Warn($"{_journalPath}: line {string.Join(", ", damaged.Take(NamedLines))}{(damaged.Count > NamedLines ? ", ..." : "")}: "
                + $"not as it was written; the rows are made again.");
        if (done.Count == 0)
            fingerprint.Save(SettingsPath); // nothing was made with the old ones
        else
            fingerprint.CheckOrSave(SettingsPath, output);

        var missing = new List<TIn>();
        var asked = new HashSet<string>(StringComparer.Ordinal);
        foreach (TIn row in rows)
        {
            string key = keyOfInput(row);
            if (asked.Add(key) && !done.ContainsKey(key))
                missing.Add(row);
        }

        int before = asked.Count - missing.Count;
        if (before > 0 && missing.Count > 0)
            ui.Note($"{before} of {asked.Count} rows are there already; {missing.Count} to go.");
        if (missing.Count > 0)
        {
            await ui.MeasureAsync(what, "rows", asked.Count, before, async meter =>
            {
                await make(missing, new RowSink<TOut>(journal, format, keyOfOutput, done, meter));
                return 0;
            });
        }

        var finished = new List<TOut>(asked.Count);
        foreach (TIn row in rows)
        {
            if (asked.Remove(keyOfInput(row)) && done.TryGetValue(keyOfInput(row), out TOut? made))
                finished.Add(made);
        }

        if (missing.Count > 0 || !File.Exists(output))
            DataFile.Write(output, finished, format, DataLayout.Lines);
        journal.Delete(); // its rows lie in the output now
        return new(finished, before, rows.Count - finished.Count);
    }

    private void Load(IEnumerable<TOut> rows, Dictionary<string, TOut> done)
    {
        foreach (TOut row in rows)
            done[keyOfOutput(row)] = row;
    }
}

/// <summary>Where a stage puts finished rows. Thread-safe.</summary>
internal sealed class RowSink<TOut>(JsonlJournal journal, RowFormat<TOut> format, Func<TOut, string> keyOf, Dictionary<string, TOut> done,
    Meter meter)
    where TOut : class
{
    private readonly Lock _gate = new();

    /// <summary>Rows made by this run.</summary>
    public int Count { get; private set; }

    public void Add(TOut row, string status = "")
    {
        journal.Append(row, format);
        lock (_gate)
        {
            done[keyOf(row)] = row;
            Count++;
        }

        meter.Add(1, status);
    }
}

/// <summary>What a row stage ended with.</summary>
/// <param name="Rows">The output's rows, in the input's order.</param>
/// <param name="Before">Rows that an earlier run had made.</param>
/// <param name="Missing">Rows that could not be made.</param>
internal sealed record RowStageResult<TOut>(IReadOnlyList<TOut> Rows, int Before, int Missing);
