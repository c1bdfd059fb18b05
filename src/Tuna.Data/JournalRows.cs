using Tuna.IO;

namespace Tuna.Data;

/// <summary>Rows in a journal.</summary>
public static class JournalRows
{
    /// <summary>Appends one row in its format.</summary>
    /// <exception cref="IOException">It could not be written; the journal is as it was.</exception>
    public static void Append<T>(this JsonlJournal journal, T row, RowFormat<T> format)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(format);
        journal.Append(json => format.Write(json, row));
    }
}
