using Tuna.Cli.Files;
using Tuna.Data;
using Tuna.Training;

namespace Tuna.Cli.Rounds;

/// <summary>The files between the stages that no command makes. Each is made anew from its inputs, the same every time.</summary>
internal static class RoundData
{
    /// <summary>Writes the instructions, those held out, and the prompts of each round.</summary>
    /// <returns>Whether any are held out.</returns>
    public static bool Prepare(RoundsSettings s, IReadOnlyList<InstructionExample> rows)
    {
        Directory.CreateDirectory(s.Work);
        ILookup<bool, InstructionExample> split = rows.ToLookup(row => HeldOutRows.IsHeldOut(row.Id!, s.HeldOut, s.SplitSeed));
        InstructionExample[] training = [.. split[false]], heldOut = [.. split[true]];
        Write(s.Instructions, rows);
        if (heldOut.Length > 0)
            Write(s.HeldOutRows, heldOut);
        for (int round = 1; s.Rows > 0 && round <= s.Rounds; round++)
        {
            // In turns, so that every prompt comes before one comes twice.
            long first = (long)(round - 1) * s.Rows;
            int count = Math.Min(s.Rows, training.Length);
            Directory.CreateDirectory(s.Files(round).Folder);
            Write(s.PromptsOf(round), [.. Enumerable.Range(0, count).Select(i => training[(first + i) % training.Length]), .. heldOut]);
        }

        return heldOut.Length > 0;
    }

    /// <summary>Puts the answers of round 0 and those of a later round side by side.</summary>
    /// <returns>How many rows there are to judge.</returns>
    /// <remarks>Every second row has the newer answer first: judges are partial to places. Equal answers are a tie, for which nobody pays
    /// a service; a local judge is given them too, since its scores are averaged.</remarks>
    public static int WritePairs(RoundsSettings s, int round)
    {
        var pairs = new List<RankedExample>();
        foreach ((InstructionExample first, InstructionExample later) in AnswerPairs(s, round))
        {
            if (s.Judge.IsService && first.Output == later.Output)
                continue;
            bool swapped = pairs.Count % 2 == 1;
            (string old, string own) = (s.Files(0).Name, s.Files(round).Name);
            pairs.Add(new()
            {
                Id = first.Id!,
                IdIsNumber = first.IdIsNumber,
                Instruction = first.Instruction,
                Input = first.Input.Length == 0 ? null : first.Input,
                Outputs = swapped ? [later.Output, first.Output] : [first.Output, later.Output],
                Models = swapped ? [own, old] : [old, own],
            });
        }

        if (pairs.Count > 0)
            DataFile.Write(s.Files(round).Pairs, pairs, RankedFormat.Instance, DataLayout.Lines);
        else
            File.Delete(s.Files(round).Pairs);
        return pairs.Count;
    }

    /// <summary>The rows that both policies answered.</summary>
    public static IEnumerable<(InstructionExample First, InstructionExample Later)> AnswerPairs(RoundsSettings s, int round)
    {
        Dictionary<string, InstructionExample> later = Answers(s, round).ToDictionary(Rows.Key, StringComparer.Ordinal);
        foreach (InstructionExample first in Answers(s, 0))
        {
            if (later.TryGetValue(Rows.Key(first), out InstructionExample? other))
                yield return (first, other);
        }
    }

    private static IEnumerable<InstructionExample> Answers(RoundsSettings s, int round) =>
        DataFile.Read(s.Files(round).Answers, InstructionFormat.Instance);

    /// <summary>Rows with responses; none where the file is not there.</summary>
    public static IReadOnlyList<RankedExample> Ranked(string file) =>
        File.Exists(file) ? [.. DataFile.Read(file, RankedFormat.Instance)] : [];

    private static void Write(string file, IReadOnlyList<InstructionExample> rows) =>
        DataFile.Write(file, rows, InstructionFormat.Instance, DataLayout.Lines);
}
