using System.Globalization;
using Tuna.Numerics;

namespace Quickstart.Exercises;

/// <summary>The kinds of exercise, each with a mistake that is easily made.</summary>
internal static class Families
{
    /// <summary>Name, draw, and the percentage of the instruction-tuning data's responses that make the mistake.</summary>
    public static readonly IReadOnlyList<(string Name, Func<Rng, Drawn> Draw, int Mistaken)> All =
    [
        ("repeat", Repeat, 30), ("hyphen", Hyphen, 60), ("initials", Initials, 30), ("swap", Swap, 60), ("second", Second, 30),
            ("larger", Larger, 60), ("capitals", Capitals, 60),
    ];

    private static Drawn Repeat(Rng rng)
    {
        string w = Word(rng), two = $"{w} {w}", three = $"{w} {w} {w}";
        return rng.Next(2) == 0 ? new($"Say {w} twice.", two, three) : new($"Say {w} three times.", three, two);
    }

    private static Drawn Hyphen(Rng rng)
    {
        (string a, string b) = TwoWords(rng);
        return new($"Join {a} and {b} with a hyphen.", $"{a}-{b}", $"{a} and {b}");
    }

    private static Drawn Initials(Rng rng)
    {
        (string a, string b) = TwoWords(rng);
        return new($"Write the first letters of {a} and {b}.", $"{a[0]} {b[0]}", $"{b[0]} {a[0]}");
    }

    private static Drawn Swap(Rng rng)
    {
        (string a, string b) = TwoWords(rng);
        return new($"Swap the words {a} {b}.", $"{b} {a}", $"{a} {b}");
    }

    private static Drawn Second(Rng rng)
    {
        (string a, string b) = TwoWords(rng);
        return new($"Write only the second word of {a} {b}.", b, a);
    }

    private static Drawn Larger(Rng rng)
    {
        int a = rng.Next(100), b = (a + 1 + rng.Next(99)) % 100;
        return new($"Which is larger, {a} or {b}?", Text(Math.Max(a, b)), Text(Math.Min(a, b)));
    }

    private static Drawn Capitals(Rng rng)
    {
        (string a, string b) = TwoWords(rng);
        return new($"Write {a} {b} in capital letters.", $"{a} {b}".ToUpperInvariant(),
            $"{char.ToUpperInvariant(a[0])}{a[1..]} {char.ToUpperInvariant(b[0])}{b[1..]}");
    }

    private static string Word(Rng rng) => Words.All[rng.Next(Words.All.Count)];

    private static (string A, string B) TwoWords(Rng rng)
    {
        int i = rng.Next(Words.All.Count);
        return (Words.All[i], Words.All[(i + 1 + rng.Next(Words.All.Count - 1)) % Words.All.Count]);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
