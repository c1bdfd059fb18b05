using System.Text.Json;
using Tuna.Testing;
using Tuna.Text;

namespace Tuna.Core.Tests.Text;

/// <summary>ROUGE-L and Porter stems against the reference values. Both sides divide the same integers; only the order of operations in F
/// may differ by an ulp.</summary>
public class RougeLGoldenTests
{
    private const double Tolerance = 1e-15;

    [Fact]
    public void Score_GoldenPairs_Equal()
    {
        JsonElement golden = GoldenData.Json("rouge_l.json");
        int cases = 0;
        foreach (JsonElement pair in golden.GetProperty("cases").EnumerateArray())
        {
            string target = pair.GetProperty("target").GetString()!;
            string prediction = pair.GetProperty("prediction").GetString()!;
            Check(pair.GetProperty("plain"), RougeL.Plain.Score(target, prediction), target, prediction);
            Check(pair.GetProperty("stemmed"), RougeL.Stemmed.Score(target, prediction), target, prediction);
            cases++;
        }

        Assert.True(cases > 0);
    }

    [Fact]
    public void Stem_GoldenWords_Equal()
    {
        JsonElement stems = GoldenData.Json("rouge_l.json").GetProperty("porter_stems");
        Assert.NotEmpty(stems.EnumerateObject());
        Assert.All(stems.EnumerateObject(), word => Assert.Equal(word.Value.GetString(), PorterStemmer.Stem(word.Name)));
    }

    private static void Check(JsonElement expected, RougeScore score, string target, string prediction)
    {
        string pair = $"'{target}' / '{prediction}'";
        Assert.True(Math.Abs(expected.GetProperty("precision").GetDouble() - score.Precision) <= Tolerance,
            $"{pair}: precision {score.Precision}");
        Assert.True(Math.Abs(expected.GetProperty("recall").GetDouble() - score.Recall) <= Tolerance, $"{pair}: recall {score.Recall}");
        Assert.True(Math.Abs(expected.GetProperty("f").GetDouble() - score.F) <= Tolerance, $"{pair}: f {score.F}");
    }
}
