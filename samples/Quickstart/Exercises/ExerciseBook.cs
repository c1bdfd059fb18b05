using Tuna.Numerics;

namespace Quickstart.Exercises;

/// <summary>Draws distinct exercises; those for evaluation never occur in training.</summary>
internal static class ExerciseBook
{
    /// <summary>The teacher's data make this part of the mistakes of the instruction-tuning data.</summary>
    public const double TeacherCare = 0.25;

    /// <summary>One instruction in eight belongs to the evaluation, decided by its text alone, so that every model ever trained here has
    /// seen none of them.</summary>
    public static bool IsHeldOut(string instruction) => Hash(instruction) % 8 == 0;

    /// <summary>Draws exercises of all families in turn.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Seed of the draw.</param>
    /// <param name="heldOut">From the evaluation's part, or from the rest.</param>
    /// <param name="mistakes">Part of the usual mistakes that the original responses make, [0, 1].</param>
    /// <param name="distinct">No instruction twice; false for pretraining, which sees many more rows than there are instructions in the
    /// smaller families.</param>
    public static List<Exercise> Draw(int count, ulong seed, bool heldOut, double mistakes = 1, bool distinct = true)
    {
        var rng = new Rng(seed);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var exercises = new List<Exercise>(count);
        for (int i = 0, refused = 0; exercises.Count < count; i++)
        {
            (string name, Func<Rng, Drawn> draw, int mistaken) = Families.All[i % Families.All.Count];
            (string instruction, string answer, string mistake) = draw(rng);
            if (IsHeldOut(instruction) != heldOut || (distinct && !seen.Add(instruction)))
            {
                if (++refused > 1000 * count)
                    throw new InvalidOperationException($"There are fewer than {count} distinct exercises.");
                continue;
            }

            string written = rng.NextDouble() < mistakes * mistaken / 100 ? mistake : answer;
            string original = rng.Next(10) switch { < 5 => $"The answer is {written}.", < 8 => written + ".",
                _ => $"Sure! The answer is {written}." };
            string reference = $"The answer is {answer}.";
            exercises.Add(new Exercise($"{name}-{exercises.Count}", name, instruction, reference, original, answer));
        }

        return exercises;
    }

    // FNV-1a, finished with a mixer: the low bits of plain FNV are poor.
    private static ulong Hash(string text)
    {
        ulong h = 14695981039346656037UL;
        foreach (char c in text)
            h = (h ^ c) * 1099511628211UL;
        return Rng.Derive(h, 0);
    }
}
