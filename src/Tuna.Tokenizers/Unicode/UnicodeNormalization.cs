using System.Globalization;
using System.Reflection;
using System.Text;

namespace Tuna.Tokenizers.Unicode;

/// <summary>The normalization forms of Unicode Standard Annex 15.</summary>
/// <remarks>
/// <see cref="string.Normalize(NormalizationForm)"/> leaves everything beyond ASCII as it is where .NET runs without ICU
/// (InvariantGlobalization),
/// and ids must not depend on how a program is published. The tables are an embedded file.
/// </remarks>
internal static class UnicodeNormalization
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TailCount = 28, HangulCount = LeadCount * VowelCount * TailCount;

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>A text in NFC (compose), NFD, NFKC (compose, compatibility) or NFKD (compatibility).</summary>
    public static string Normalize(string text, bool compose, bool compatibility)
    {
        // Latin-1 decomposes canonically from U+00C0 on, and compatibly from U+00A0 on; nothing below U+0300 composes with its neighbour.
        int plain = text.AsSpan().IndexOfAnyExceptInRange('\0', compose && !compatibility ? '\u02FF' : '\u009F');
        if (plain < 0)
            return text;
        Tables tables = Data.Value;
        var points = new List<int>(text.Length + 8);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(tables, rune.Value, compatibility, points);
        Reorder(tables, points);
        if (compose)
            Compose(tables, points);
        var result = new StringBuilder(points.Count);
        Span<char> units = stackalloc char[2];
        foreach (int point in points)
            result.Append(units[..new Rune(point).EncodeToUtf16(units)]);
        return result.ToString();
    }

    private static void Decompose(Tables tables, int point, bool compatibility, List<int> points)
    {
        int syllable = point - HangulBase;
        if ((uint)syllable < HangulCount)
        {
            points.Add(LeadBase + (syllable / (VowelCount * TailCount)));
            points.Add(VowelBase + (syllable % (VowelCount * TailCount) / TailCount));
            if (syllable % TailCount != 0)
                points.Add(TailBase + (syllable % TailCount));
            return;
        }

        if (tables.Canonical.TryGetValue(point, out int[]? parts) || (compatibility && tables.Compatibility.TryGetValue(point, out parts)))
        {
            foreach (int part in parts)
                Decompose(tables, part, compatibility, points);
            return;
        }

        points.Add(point);
    }

    /// <summary>Marks after a letter in the order of their combining classes; marks of the same class keep theirs.</summary>
    private static void Reorder(Tables tables, List<int> points)
    {
        for (int i = 1; i < points.Count; i++)
        {
            int point = points[i];
            int own = tables.Class(point);
            if (own == 0)
                continue;
            int at = i;
            while (at > 0 && tables.Class(points[at - 1]) > own)
            {
                points[at] = points[at - 1];
                at--;
            }

            points[at] = point;
        }
    }

    private static void Compose(Tables tables, List<int> points)
    {
        int starter = -1, written = 0;
        int lastClass = 0;
        for (int i = 0; i < points.Count; i++)
        {
            int point = points[i];
            int own = tables.Class(point);
            // A mark is blocked from its letter by what lies between with the same or a higher class.
            bool adjacent = written - 1 == starter;
            if (starter >= 0 && (adjacent || (lastClass < own && lastClass != 0))
                && tables.Pair(points[starter], point) is int joined and >= 0)
            {
                points[starter] = joined;
                continue;
            }

            if (own == 0)
                starter = written;
            lastClass = own;
            points[written++] = point;
        }

        points.RemoveRange(written, points.Count - written);
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, byte> _classes = [];
        private readonly Dictionary<(int, int), int> _pairs = [];

        public Dictionary<int, int[]> Canonical { get; } = [];

        public Dictionary<int, int[]> Compatibility { get; } = [];

        public int Class(int point) => point < 0x300 ? 0 : _classes.GetValueOrDefault(point);

        /// <summary>What two neighbours compose to, or -1.</summary>
        public int Pair(int first, int second)
        {
            if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
                return HangulBase + ((((first - LeadBase) * VowelCount) + second - VowelBase) * TailCount);
            int syllable = first - HangulBase;
            if ((uint)syllable < HangulCount && syllable % TailCount == 0 && second is > TailBase and < TailBase + TailCount)
                return first + second - TailBase;
            return _pairs.TryGetValue((first, second), out int joined) ? joined : -1;
        }

        public static Tables Read()
        {
            var tables = new Tables();
            using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Tuna.Tokenizers.Unicode.decompositions.txt")!;
            using var reader = new StreamReader(stream, Encoding.ASCII);
            while (reader.ReadLine() is { } line)
                tables.Add(line);
            return tables;
        }

        private void Add(string line)
        {
            if (line.StartsWith('#'))
                return;
            int mark = line.AsSpan().IndexOfAny('=', '<', '-');
            int code = Hex(line[..mark]);
            if (line[mark] == '-')
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                byte own = byte.Parse(line.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture);
                for (int last = Hex(line[(mark + 1)..colon]); code <= last; code++)
                    _classes[code] = own;
                return;
            }

            int[] parts = [.. line[(mark + 1)..].TrimEnd('!').Split(' ').Select(Hex)];
            if (line[mark] == '<')
            {
                Compatibility[code] = parts;
                return;
            }

            Canonical[code] = parts;
            if (!line.EndsWith('!'))
                _pairs[(parts[0], parts[1])] = code;
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
