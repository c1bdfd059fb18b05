using System.Globalization;
using Tuna.Data;
using Tuna.Cli.Hosting;
using Tuna.Numerics;

namespace Tuna.Cli.Files;

/// <summary>Reads input rows and gives every row an id.</summary>
internal static class Rows
{
    /// <summary>Instructions; a row without an id is named by its position.</summary>
    /// <param name="path">A file in any known form.</param>
    /// <param name="limit">Only the first rows; 0 for all.</param>
    /// <param name="answered">Whether a row without a response is an error.</param>
    public static IReadOnlyList<InstructionExample> Instructions(string path, int limit = 0, bool answered = false)
    {
        var rows = new List<InstructionExample>();
        foreach (InstructionExample row in InstructionData.Read(InputFile.Files(path), new DataReadOptions { RequireResponse = answered }))
        {
            if (limit > 0 && rows.Count == limit)
                break;
            rows.Add(row.Id is null ? row with { Id = rows.Count.ToString(CultureInfo.InvariantCulture), IdIsNumber = true } : row);
        }

        return NotEmpty(rows, path);
    }

    /// <summary>Rows with candidates.</summary>
    public static IReadOnlyList<RankedExample> Ranked(string path, int limit = 0)
    {
        IEnumerable<RankedExample> rows = RankedData.Read(InputFile.Files(path));
        return NotEmpty([.. limit > 0 ? rows.Take(limit) : rows], path);
    }

    /// <summary>Tells a row by its id and its content, so that a changed row is done again.</summary>
    public static string Key(InstructionExample row) => Key(row.Id!, row.Instruction, row.Input);

    /// <inheritdoc cref="Key(InstructionExample)"/>
    public static string Key(RankedExample row) => Key(row.Id, row.Instruction, row.Input);

    /// <summary>As <see cref="Key(RankedExample)"/>, the candidates included.</summary>
    public static string KeyWithCandidates(RankedExample row) => $"{Key(row)}:{StableHash.Of(string.Join('\u0001', row.Outputs)):x16}";

    private static string Key(string id, string instruction, string? input) =>
        $"{id}:{StableHash.Of(instruction):x16}:{StableHash.Of(input ?? ""):x16}";

    private static List<T> NotEmpty<T>(List<T> rows, string path) =>
        rows.Count > 0 ? rows : throw new StageException($"{path} holds no rows.");
}
