namespace Tuna.Models.Hub;

/// <summary>What a repository of the hub holds.</summary>
public enum HubKind
{
    /// <summary>A model.</summary>
    Model,

    /// <summary>A data set.</summary>
    Dataset,
}

/// <summary>A repository of the hub by its name, <c>owner/name</c>.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Name">Its name.</param>
public sealed record HubRepository(HubKind Kind, string Name)
{
    /// <summary>Whether a text has the form of a name: two parts of letters, digits, <c>.</c>, <c>_</c> and <c>-</c>, at most 96 characters
    /// each.</summary>
    public static bool IsName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split('/');
        return parts.Length == 2 && Array.TrueForAll(parts, IsPart);
    }

    /// <summary>Its folder in the cache.</summary>
    internal string Folder => $"{(Kind == HubKind.Model ? "models" : "datasets")}--{Name.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>The path of its description in the service's interface.</summary>
    internal string InfoPath(string revision) =>
        $"api/{(Kind == HubKind.Model ? "models" : "datasets")}/{Name}/revision/{Uri.EscapeDataString(revision)}";

    /// <summary>The path of one of its files.</summary>
    internal string FilePath(string commit, string file) =>
        $"{(Kind == HubKind.Model ? "" : "datasets/")}{Name}/resolve/{commit}/"
        + string.Join('/', file.Split('/').Select(Uri.EscapeDataString));

    private static bool IsPart(string part) =>
        part.Length is > 0 and <= 96 && part[0] is not ('.' or '-') && part[^1] is not ('.' or '-')
            && !part.Contains("..", StringComparison.Ordinal) && !part.Contains("--", StringComparison.Ordinal)
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
