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

    /// <summary>Reads the rows, oldest first, as the sequence is taken. Lines that do not agree with their checksum are passed over;
    /// afterwards <see cref="JsonlJournal.DamagedLines"/> names them.</summary>
    /// <param name="journal">The journal.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    /// <exception cref="DataFormatException">A line is no such row; the message says where and why.</exception>
    public static IEnumerable<T> ReadRows<T>(this JsonlJournal journal, RowFormat<T> format, DataReadOptions? options = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(format);
        return Rows();

        IEnumerable<T> Rows()
        {
            using Stream lines = journal.OpenRead();
            foreach (T row in DataFile.Read(lines, journal.Path, format, options))
                yield return row;
        }
    }
}
