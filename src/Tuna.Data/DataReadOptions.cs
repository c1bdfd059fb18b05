namespace Tuna.Data;

/// <summary>How data files are read.</summary>
public sealed record DataReadOptions
{
    /// <summary>What a repeated id does. Default <see cref="DuplicateIds.Error"/>. Costs some 32 bytes a row; ids are compared by a 128-bit
    /// hash.</summary>
    public DuplicateIds DuplicateIds { get; init; } = DuplicateIds.Error;

    /// <summary>
    /// Called for each row that cannot be used, which is then left out; null (the default) throws instead. Damage to the file's structure,
    /// after which no further row can be found, always throws.
    /// </summary>
    public Action<DataFormatException>? OnInvalidRow { get; init; }

    /// <summary>Longest row in bytes, [1024, 2^30]; a longer one means a quote or bracket is missing. Default 64 MiB.</summary>
    public int MaxRowBytes { get; init; } = 64 << 20;

    /// <summary>Receives what reading changed or decided: repeated ids made unique, ratings that contradict a label; null (the default) for
    /// nobody.</summary>
    public DataReadReport? Report { get; init; }

    /// <summary>For instruction rows: whether a row without a response is an error, which lists the fields found. Default false: rows may
    /// only ask.</summary>
    public bool RequireResponse { get; init; }

    /// <summary>What several files that are read as one have in common.</summary>
    internal JoinedFiles? Joined { get; init; }

    internal static DataReadOptions Default { get; } = new();

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRowBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxRowBytes, 1 << 30);
    }
}

/// <summary>What a repeated id does.</summary>
public enum DuplicateIds
{
    /// <summary>It is an error.</summary>
    Error,

    /// <summary>Later rows of an id are left out.</summary>
    KeepFirst,

    /// <summary>A later row of an id gets a new one: <c>id-2</c>, <c>id-3</c> and so on. <see cref="DataReadOptions.Report"/> counts
    /// them.</summary>
    MakeUnique,

    /// <summary>All rows are returned; ids are not remembered and cost no memory.</summary>
    Allow,
}

/// <summary>Ids and positions over several files that are read as one.</summary>
internal sealed class JoinedFiles
{
    public IdSet Ids { get; } = new();

    /// <summary>Rows of the files before.</summary>
    public long RowsBefore { get; set; }
}
