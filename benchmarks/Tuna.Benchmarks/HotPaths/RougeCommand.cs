using System.CommandLine;
using System.Diagnostics;
using Tuna.Benchmarks.Support;
using Tuna.Numerics;
using Tuna.Text;

namespace Tuna.Benchmarks.HotPaths;

/// <summary>The diversity constraint's work: ROUGE-L of every pair of some responses, against the table of the plain dynamic
/// program.</summary>
internal static class RougeCommand
{
    public static Command Create()
    {
        var count = new Option<int>("--responses") { DefaultValueFactory = _ => 16 };
        var tokens = new Option<int>("--tokens") { Description = "words per response", DefaultValueFactory = _ => 512 };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 15 };
        var command = new Command("rouge", "Pairwise ROUGE-L of responses against a plain dynamic program; prints one JSON line.") { count,
            tokens, reps };
        command.SetAction(r => Run(r.GetValue(count), r.GetValue(tokens), r.GetValue(reps)));
        return command;
    }

    private static void Run(int count, int words, int reps)
    {
        string[] texts = Texts(count, words);
        RougeTokens[] tokens = [.. texts.Select(RougeL.Plain.Tokenize)];
        int[][] ids = PlainRouge.Ids(texts);
        double expected = 0, actual = 0;
        double[] plain = Time(Math.Max(3, reps / 3), () => expected = Pairs(count, (i, j) => PlainRouge.F(ids[i], ids[j])));
        double[] all = Time(reps, () => actual = AllPairs(tokens));
        int diverse = 0;
        double[] below = Time(reps, () => diverse = (int)Pairs(count, (i, j) => RougeL.IsBelow(tokens[i], tokens[j], 0.8) ? 1 : 0));
        double[] tokenize = Time(reps, () => tokens = [.. texts.Select(RougeL.Plain.Tokenize)]);
        if (Math.Abs(expected - actual) > 1e-9 * expected)
            throw new InvalidOperationException($"ROUGE-L sums to {actual}, the plain dynamic program's to {expected}.");
        double ours = JsonLine.Median(all) + JsonLine.Median(tokenize);
        new JsonLine("tuna_rouge").Add("responses", count).Add("words", words).Add("pairs", count * (count - 1) / 2)
            .Times("plain_dp", plain).Times("pairs_f", all).Times("pairs_below", below).Times("tokenize", tokenize)
                .Add("pairs_below_threshold", diverse)
            .Add("speedup_f", Math.Round(JsonLine.Median(plain) / JsonLine.Median(all), 1))
            .Add("speedup_f_with_tokenization", Math.Round(JsonLine.Median(plain) / ours, 1))
            .Add("speedup_below", Math.Round(JsonLine.Median(plain) / JsonLine.Median(below), 1)).Print();
    }

    /// <summary>Responses that share most of their words, as samples of one model do, drawn from a vocabulary of 400.</summary>
    public static string[] Texts(int count, int words)
    {
        var rng = new Rng(5);
        int[] common = [.. Enumerable.Range(0, words).Select(_ => rng.Next(400))];
        return [.. Enumerable.Range(0, count)
            .Select(_ => string.Join(' ', common.Select(w => $"w{(rng.Next(2) == 0 ? w : rng.Next(400))}")))];
    }

    private static double AllPairs(RougeTokens[] tokens)
    {
        double sum = 0;
        double[] f = new double[tokens.Length];
        for (int i = 0; i < tokens.Length - 1; i++)
        {
            var others = new ArraySegment<RougeTokens>(tokens, i + 1, tokens.Length - i - 1);
            RougeL.FMeasures(tokens[i], others, f);
            sum += f.AsSpan(0, others.Count).ToArray().Sum();
        }

        return sum;
    }

    private static double Pairs(int count, Func<int, int, double> term) =>
        Enumerable.Range(0, count).Sum(i => Enumerable.Range(i + 1, count - i - 1).Sum(j => term(i, j)));

    private static double[] Time(int reps, Action action)
    {
        long warmup = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3 || (i < 200 && Stopwatch.GetElapsedTime(warmup).TotalSeconds < 0.5); i++)
            action();
        var seconds = new double[reps];
        for (int i = 0; i < reps; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            action();
            seconds[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }

        return seconds;
    }
}
