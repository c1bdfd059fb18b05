using System.Text;
using System.Text.Json;
using Tuna.Data;
using Tuna.Data.Formats;
using Tuna.Numerics;

namespace Tuna.Data.Tests;

/// <summary>Damaged files end in an error that names the place, or read as the JSON library reads them; nothing else happens.</summary>
public class DataFileFuzzTests
{
    public static TheoryData<string, string> Files => new()
    {
        { "ranked",
            """[{"id":"a","instruction":"x \" \\ ]","output":["1","2"],"score":[1,2]}, {"id":2,"instruction":"y","output":"""
                + """["{"],"extra":{"k":[1]}}]""" },
        { "ranked",
            "{\"id\":\"a\",\"instruction\":\"x\",\"output\":[\"1\",\"2\"],\"score\":[1,2]}\r\n\n"
            + "{\"id\":2,\"instruction\":\"y\",\"output\":[\"{\"]}\n" },
        { "trl", """[{"prompt":[{"role":"user","content":"a"}],"chosen":[{"role":"assistant","content":"b"}],"rejected":"""
            + """[{"role":"assistant","content":"c"}],"score_chosen":1},{"chosen":"ab","rejected":"ac"}]""" },
        { "ultrafeedback",
            """[{"instruction":"i","models":["m"],"completions":[{"model":"m","response":"r","overall_score":4,"annotations":{"a":"""
                + """{"Rating":"3"},"b":[{"Rating":"N/A"}]}}]}]""" },
        { "rrhf", """[{"query":"q","responses":["a","b"],"scores":[1,null]}]""" },
        { "alpacaeval", """[{"instruction":"i","output_1":"a","output_2":"b","generator_1":"g","preference":1.5}]""" },
        { "order", """[{"instruction":"i","output":["a","b"],"order":"0 > 1","model":["x",null]}]""" },
        { "alpaca", """[{"instruction":"i","input":"","output":"o"}]""" },
        { "tuna-p", """[{"orig":{"instruction":"i","input":"n","output":"o"},"text":["a"],"logprob":[-1],"length":[2]}]""" },
        { "tuna-c", """[{"instruct":"i","generation":["a","b"],"rank":[2,0,1]}]""" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Read_DamagedFile_ErrorsNameThePlace(string form, string text)
    {
        var rng = new Rng(Rng.Derive(0, form + text.Length));
        byte[] whole = Encoding.UTF8.GetBytes(text);
        ReadOnlySpan<byte> marks = "\"\\{}[],:019.e-nutf \n\xC3\xFF"u8;
        int errors = 0, read = 0;
        for (int i = 0; i < 1500; i++)
        {
            var bytes = new List<byte>(whole);
            int at = rng.Next(bytes.Count);
            switch (rng.Next(4))
            {
                case 0:
                    bytes[at] = marks[rng.Next(marks.Length)];
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + rng.Next(12)));
                    break;
                case 2:
                    bytes.Insert(at, marks[rng.Next(marks.Length)]);
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }

            using var stream = new MemoryStream([.. bytes]);
            try
            {
                RankedExample[] rows = [.. DataFile.Read(stream, "file", RankedFormats.ByName[form])];
                read++;
                AssertSameRows([.. bytes], rows);
            }
            catch (DataFormatException e)
            {
                errors++;
                Assert.StartsWith("file", e.Message);
            }
        }

        Assert.True(errors > 100 && read > 50, $"{errors} errors, {read} read");
    }

    private static void AssertSameRows(byte[] bytes, RankedExample[] rows)
    {
        string text = Encoding.UTF8.GetString(bytes).Trim();
        if (!text.StartsWith('['))
            text = "[" + string.Join(',', text.Split('\n').Where(l => !string.IsNullOrWhiteSpace(l))) + "]";
        using JsonDocument document = JsonDocument.Parse(text); // what was read is valid JSON
        Assert.Equal(document.RootElement.GetArrayLength(), rows.Length);
    }
}
