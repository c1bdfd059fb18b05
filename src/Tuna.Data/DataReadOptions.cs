namespace Tuna.Data;

/// <summary>How data files are read.</summary>
public sealed record DataReadOptions
{
    /// <summary>What a repeated id does. Default <see cref="DuplicateIds.Error"/>. Costs some 32 bytes a row; ids are compared by a 128-bit hash.</summary>
    public DuplicateIds DuplicateIds { get; init; } = DuplicateIds.Error;

    /// <summary>
    /// Called for each row that cannot be used, which is then left out; null (the default) throws instead. Damage to the file's structure, after which no further
    /// row can be found, always throws.
    /// </summary>
    public Action<DataFormatException>? OnInvalidRow { get; init; }

    /// <summary>Longest row in bytes, [1024, 2^30]; a longer one means a quote or bracket is missing. Default 64 MiB.</summary>
    public int MaxRowBytes { get; init; } = 64 << 20;

    internal static DataReadOptions Default { get; } = new();

    internal DataReadOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRowBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxRowBytes, 1 << 30);
        return this;
    }
}

/// <summary>What a repeated id does.</summary>
public enum DuplicateIds
{
    /// <summary>It is an error.</summary>
    Error,

    /// <summary>Later rows of an id are left out.</summary>
    KeepFirst,

    /// <summary>All rows are returned; ids are not remembered and cost no memory.</summary>
    Allow,
}
