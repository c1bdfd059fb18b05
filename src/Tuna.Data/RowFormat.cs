using System.Text.Json;
using Tuna.Numerics;

namespace Tuna.Data;

/// <summary>How one row of a data set stands in JSON: what <see cref="DataFile"/> reads and writes.</summary>
/// <typeparam name="T">The row.</typeparam>
/// <remarks>A format is stateless and thread-safe; state of one reading lives in <see cref="RowContext"/>.</remarks>
public abstract class RowFormat<T>
    where T : class
{
    /// <summary>Reads one row.</summary>
    /// <param name="reader">Stands on the row's first token; is left on its last.</param>
    /// <param name="context">Where the row is, and shared strings.</param>
    /// <exception cref="DataFormatException">The row cannot be used.</exception>
    /// <exception cref="JsonException">The JSON is malformed.</exception>
    public abstract T Read(ref Utf8JsonReader reader, RowContext context);

    /// <summary>The format of a file's rows, where it is told by the first one.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="context">Where it is.</param>
    internal virtual RowFormat<T> ForRows(ReadOnlySpan<byte> first, RowContext context) => this;

    /// <summary>What joins rows that belong together, or takes them apart; null where each row of the file is a row.</summary>
    internal virtual RowJoin<T>? StartJoin() => null;

    /// <summary>Whether a row whose scan succeeded is one of this format.</summary>
    internal virtual bool TrustsScan => true;

    /// <summary>A quick way for ordinary rows.</summary>
    /// <param name="context">As for <see cref="Read"/>; it has the row's bytes.</param>
    /// <returns>What <see cref="Read"/> would return, or null when it is to be asked: always where there is no quick way.</returns>
    internal virtual T? TryReadQuickly(RowContext context) => default;

    /// <summary>Writes one row as a JSON value.</summary>
    public abstract void Write(Utf8JsonWriter writer, T row);

    /// <summary>The row's id, or null when it has none: what duplicates are told by.</summary>
    public virtual string? IdOf(T row) => null;

    /// <summary>The row with another id, a text.</summary>
    internal virtual T WithId(T row, string id, RowContext context) =>
        throw context.Error("an earlier row has this id too. Make ids unique.", "id");

    /// <summary>A hash of the id by which duplicates are told; null when the row has none.</summary>
    internal virtual UInt128? IdHash(T row, RowContext context) => IdOf(row) is { } id ? StableHash.Of128(id) : null;
}
