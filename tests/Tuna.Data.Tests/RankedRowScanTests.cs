using System.Text;
using System.Text.Json;
using Tuna.Data;
using Tuna.Numerics;

namespace Tuna.Data.Tests;

/// <summary>The scan against the full reader: it may refuse a row, but what it reads is what the full reader reads, and it reads nothing
/// that is not JSON.</summary>
public class RankedRowScanTests
{
    private const string Ordinary =
        """{"id":"x","instruction":"a\n\"b\"\\ \u00e9 \ud83d\ude00 é😀","input":"","output":["one","two\tthree\/\b\f\r","" ],"score":"""
            + """[ 1.5,null,-2e-3],"reference":"r","model":["m",null,"n"],"logprob":[-1,-2.5,null],"tokens":[1,2,null"""
            + """],"source":"s","n":12.0,"b":true,"z":null}""";

    [Theory]
    [InlineData(Ordinary)]
    [InlineData("""{"id":12,"instruction":"i","output":["o"]}""")]
    [InlineData(
        """{"id":1,"instruction":"i","input":null,"output":["o"],"reference":null,"source":{"a":[1,"}"]},"w":[true],"\u00e9é":1}""")]
    [InlineData("""  { "id" : "1" , "instruction" : "i" , "output" : [ "o" ] }  """)]
    public void TryRead_OrdinaryRow_EqualsTheFullReader(string row)
    {
        RankedExample? quick = Quick(Encoding.UTF8.GetBytes(row));
        Assert.NotNull(quick);
        Assert.Equal(Full(Encoding.UTF8.GetBytes(row)), quick);
    }

    [Theory]
    [InlineData("""{"instruction":"i","output":["o"]}""")] // its id is its position, which the full reader knows
    [InlineData("""{"id":1,"instruction":"i","output":[]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":[null]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"source":{"a":1]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"score":[1e999]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"score":[1e99999999999]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"score":[-1E+4294967297]}""")]
    [InlineData("""{"id":1,"\u0069d":2,"instruction":"i","output":["o"]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"score":[1,2]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"tokens":[0]}""")]
    [InlineData("""{"id":1,"instruction":"\ud800","output":["o"]}""")]
    [InlineData("""{"id":01,"instruction":"i","output":["o"]}""")]
    [InlineData("""{"id":1.,"instruction":"i","output":["o"]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"],"score":[NaN]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o",]}""")]
    [InlineData("""{"id":1,"instruction":"i","output":["o"]},""")]
    [InlineData("{\"id\":1,\"instruction\":\"a\tb\",\"output\":[\"o\"]}")]
    [InlineData("{}")]
    public void TryRead_AnythingElse_IsLeftToTheFullReader(string row) => Assert.Null(Quick(Encoding.UTF8.GetBytes(row)));

    [Theory]
    [InlineData("1e-99999999999")]
    [InlineData("0e99999999999")]
    [InlineData("1e308")]
    [InlineData("-0.0")]
    [InlineData("long fraction")]
    [InlineData("long whole")]
    public void TryRead_UnusualNumbers_NeverDisagreesWithTheFullReader(string number)
    {
        number = number switch { "long fraction" => "0." + new string('0', 900) + "1", "long whole" => new string('1', 305), _ => number };
        byte[] row = Encoding.UTF8.GetBytes($$"""{"id":1,"instruction":"i","output":["o"],"score":[{{number}}]}""");
        if (Quick(row) is { } quick)
            Assert.Equal(Full(row), quick);
    }

    [Fact]
    public void TryRead_EscapesAndLettersAtEveryPlace_AreDecoded()
    {
        // Around the widths of the vectors, each kind of byte that stops one.
        string[] pieces = ["", "\\n", "\\\"", "\\u00e9", "\\ud83d\\ude00", "\u00e9", "\ud83d\ude00", "\u4f60\u597d", "\u007f"];
        for (int before = 0; before < 68; before++)
        {
            foreach (string piece in pieces)
            {
                foreach (int after in (int[])[0, 1, 15, 16, 17, 63])
                {
                    byte[] row = Encoding.UTF8.GetBytes(
                        $$"""{"id":1,"instruction":"{{new string('x', before)}}{{piece}}{{new string('y', after)}}","output":"""
                            + $$"""["{{piece}}{{piece}}"]}""");
                    Assert.Equal(Full(row), Quick(row));
                }
            }
        }
    }

    [Fact]
    public void TryRead_DamagedRows_NeverDisagreesWithTheFullReader()
    {
        var rng = new Rng(21);
        byte[] ordinary = Encoding.UTF8.GetBytes(Ordinary);
        ReadOnlySpan<byte> marks = "\"\\{}[],:0123456789.eE+-nultrfas \n\t\x01\xC3\xED\xFFu"u8;
        int read = 0;
        for (int i = 0; i < 30_000; i++)
        {
            var bytes = new List<byte>(ordinary);
            for (int changes = 1 + rng.Next(3); changes > 0; changes--)
            {
                int at = rng.Next(bytes.Count);
                switch (rng.Next(3))
                {
                    case 0:
                        bytes[at] = rng.Next(4) == 0 ? (byte)rng.Next(256) : marks[rng.Next(marks.Length)];
                        break;
                    case 1:
                        bytes.RemoveAt(at);
                        break;
                    default:
                        bytes.Insert(at, marks[rng.Next(marks.Length)]);
                        break;
                }
            }

            byte[] row = [.. bytes];
            if (Quick(row) is not { } quick)
                continue;
            read++;
            Assert.True(quick.Equals(Full(row)), Encoding.UTF8.GetString(row)); // Full throws where the row is not valid
        }

        Assert.InRange(read, 1000, 29_000);
    }

    private static RankedExample? Quick(byte[] row) => RankedFormat.Instance.TryReadQuickly(Context(row));

    private static RankedExample Full(byte[] row)
    {
        var reader = new Utf8JsonReader(row);
        reader.Read();
        RankedExample result = RankedFormat.Instance.Read(ref reader, Context(row));
        reader.Read();
        return result;
    }

    private static RowContext Context(byte[] row) => new("test") { Raw = row };
}
