using Tuna.Data.Formats;
using Tuna.Testing;

namespace Tuna.Data.Tests.Formats;

/// <summary>What a stage writes the next one reads: every pair of forms, with extra fields whose names every form keeps for
/// itself.</summary>
public sealed class FormPairsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Pairs()
    {
        var pairs = new TheoryData<string, string>();
        foreach (string from in RankedFormats.Writable)
        {
            foreach (string to in RankedFormats.Writable)
                pairs.Add(from, to);
        }

        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Write_ThroughTwoForms_NothingIsLostOrTwice(string first, string second)
    {
        if (first == "alpaca" && second is ("trl" or "trl-chat" or "alpacaeval"))
            return; // a row of one response is no pair
        for (int seed = 0; seed < 4; seed++)
        {
            RankedExample row = HostileRows.Of(seed);
            RankedExample once = Through(row, first);
            RankedExample twice = Through(once, second);
            RankedExample back = Through(twice, "ranked");
            string what = $"{first} > {second}, seed {seed}";
            Assert.True(HostileRows.Difference(row, once) == "", $"{what}: {HostileRows.Difference(row, once)}");
            Assert.True(HostileRows.Difference(row, back) == "", $"{what}: {HostileRows.Difference(row, back)}");
            if (first == "alpaca" || second == "alpaca")
                continue; // one response of a row
            Assert.Equal(row.Outputs, back.Outputs);
            Assert.Equal(row.Scores, back.Scores);
            Assert.Equal(row.Reference, back.Reference);
            Assert.Equal(row.Models, back.Models);
            Assert.Equal(row.LogProbs, back.LogProbs);
            Assert.Equal(row.TokenCounts, back.TokenCounts);
            Assert.Equal(row.Instruction, back.Instruction);
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Write_ThroughTwoForms_InstructionsAndTheCursorReadIt(string first, string second)
    {
        if (first == "alpaca" && second is ("trl" or "trl-chat" or "alpacaeval"))
            return; // a row of one response is no pair
        RankedExample row = HostileRows.Of(3);
        string path = Write(Through(row, first), second);
        InstructionExample instruction = Assert.Single(InstructionData.Read(path, new() { RequireResponse = true }));
        Assert.Equal(("ask", "good"), (instruction.Instruction, instruction.Output));
        DataFile.Write(_folder.File("i.jsonl"), [instruction], InstructionFormat.Instance);
        Assert.Equal(instruction, Assert.Single(InstructionData.Read(_folder.File("i.jsonl"))));
        using var cursor = new RankedReader(path);
        Assert.True(cursor.Read());
        Assert.Equal(Assert.Single(RankedData.Read(path)), cursor.ToExample());
        Assert.False(cursor.Read());
    }

    private RankedExample Through(RankedExample row, string form) => Assert.Single(RankedData.Read(Write(row, form)));

    private string Write(RankedExample row, string form)
    {
        string path = _folder.File("x.jsonl");
        DataFile.Write(path, [row], RankedFormats.ByName[form]);
        return path;
    }
}
