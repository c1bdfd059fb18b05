using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary><c>strftime_now</c>: the local time, in the C locale.</summary>
internal static class DateText
{
    public static string Format(Interpreter interpreter, string format)
    {
        DateTimeOffset now = interpreter.Time.GetLocalNow();
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            bool unpadded = i + 1 < format.Length && format[i + 1] == '-';
            i += unpadded ? 2 : 1;
            string part = i < format.Length
                ? Part(interpreter, format[i], now) : throw interpreter.Error("strftime_now: the format ends with '%'.");
            string bare = part.TrimStart('0');
            text.Append(!unpadded ? part : bare.Length > 0 ? bare : "0");
        }

        return text.ToString();
    }

    private static string Part(Interpreter interpreter, char code, DateTimeOffset now)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        return code switch
        {
            'Y' => now.Year.ToString("0000", culture),
            'y' => now.ToString("yy", culture),
            'm' => now.ToString("MM", culture),
            'd' => now.ToString("dd", culture),
            'e' => now.Day.ToString(culture).PadLeft(2),
            'H' => now.ToString("HH", culture),
            'I' => now.ToString("hh", culture),
            'M' => now.ToString("mm", culture),
            'S' => now.ToString("ss", culture),
            'p' => now.Hour < 12 ? "AM" : "PM",
            'B' => now.ToString("MMMM", culture),
            'b' or 'h' => now.ToString("MMM", culture),
            'A' => now.ToString("dddd", culture),
            'a' => now.ToString("ddd", culture),
            'j' => now.DayOfYear.ToString("000", culture),
            'F' => now.ToString("yyyy-MM-dd", culture),
            'T' => now.ToString("HH:mm:ss", culture),
            'D' => now.ToString("MM/dd/yy", culture),
            'w' => ((int)now.DayOfWeek).ToString(culture),
            'f' => now.ToString("ffffff", culture),
            'z' or 'Z' => "", // Python's local time knows no zone
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            _ => throw interpreter.Unsupported($"strftime_now with %{code}"),
        };
    }
}
