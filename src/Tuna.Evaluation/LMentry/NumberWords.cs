namespace Tuna.Evaluation.LMentry;

/// <summary>English number words in the wording of the num2words package: "seven hundred and twenty-three", "one thousand, two hundred and
/// five".</summary>
internal static class NumberWords
{
    private static readonly string[] s_small =
    [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ];

    private static readonly string[] s_tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

    private static readonly (long Value, string Name)[] s_large =
        [(1_000_000_000_000, "trillion"), (1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred")];

    /// <summary>The words of a number below 10^15 in size.</summary>
    public static string Of(long number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Math.Abs((decimal)number), 1_000_000_000_000_000m, nameof(number));
        if (number < 0)
            return "minus " + Of(-number);
        if (number < 20)
            return s_small[number];
        if (number < 100)
            return number % 10 == 0 ? s_tens[number / 10] : $"{s_tens[number / 10]}-{s_small[number % 10]}";

        (long value, string name) = Array.Find(s_large, unit => number >= unit.Value);
        long rest = number % value;
        string head = $"{Of(number / value)} {name}";
        return rest == 0 ? head : $"{head}{(rest < 100 ? " and " : ", ")}{Of(rest)}";
    }
}
