using System.Globalization;
using System.Text;

namespace Tuna.Data;

/// <summary>A data file holds something that cannot be used; the message names the place and says what to do.</summary>
public sealed class DataFormatException : FormatException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong and what to do, without the place.</param>
    /// <param name="place">Where.</param>
    /// <param name="key">The field, when one is to blame.</param>
    /// <param name="id">The row's id, when it is known.</param>
    /// <param name="innerException">The cause.</param>
    public DataFormatException(string message, DataPlace place, string? key = null, string? id = null, Exception? innerException = null)
        : base(Describe(message, place, key, id), innerException)
    {
        Place = place;
        Key = key;
        RowId = id;
        Problem = message;
    }

    /// <summary>Where in the input.</summary>
    public DataPlace Place { get; }

    /// <summary>The field, when one is to blame.</summary>
    public string? Key { get; }

    /// <summary>The row's id, when it is known.</summary>
    public string? RowId { get; }

    /// <summary>What is wrong, without the place.</summary>
    public string Problem { get; }

    private static string Describe(string message, DataPlace place, string? key, string? id)
    {
        var text = new StringBuilder(place.ToString());
        if (id is not null)
            text.Append(CultureInfo.InvariantCulture, $", id '{id}'");
        if (key is not null)
            text.Append(CultureInfo.InvariantCulture, $", key '{key}'");
        return text.Append(": ").Append(message).ToString();
    }
}

/// <summary>A place in a data file.</summary>
/// <param name="Source">The file, or the name given to a stream.</param>
/// <param name="Line">1-based line on which the row starts; 0 when it is about the whole file, or the file has no lines (Parquet).</param>
/// <param name="Index">0-based number of the row; -1 when it is about the whole file.</param>
/// <param name="InArray">Whether the file is one JSON array, whose rows are told by index rather than by line.</param>
public readonly record struct DataPlace(string Source, long Line, long Index, bool InArray)
{
    /// <summary>A whole file.</summary>
    public static DataPlace Whole(string source) => new(source, 0, -1, false);

    /// <inheritdoc/>
    public override string ToString() => Line == 0 && Index < 0 ? Source
        : Line == 0 ? string.Create(CultureInfo.InvariantCulture, $"{Source}, row [{Index}]")
        : InArray ? string.Create(CultureInfo.InvariantCulture, $"{Source}, element [{Index}] (line {Line})")
        : string.Create(CultureInfo.InvariantCulture, $"{Source}, line {Line}");
}
