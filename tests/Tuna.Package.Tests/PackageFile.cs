using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Tuna.Package.Tests;

/// <summary>What a .NET developer expects of every package.</summary>
internal static partial class PackageFile
{
    /// <summary>Checks a package and its symbols.</summary>
    /// <param name="folder">Where both were packed.</param>
    /// <param name="package">Its name.</param>
    /// <param name="inside">Its assembly's place in it, without an ending.</param>
    public static void RequireWellFormed(string folder, string package, string inside)
    {
        string file = Assert.Single(Directory.GetFiles(folder, package + ".?.?.?.nupkg"));
        Assert.True(File.Exists(Path.ChangeExtension(file, ".snupkg")), $"{package}: no symbols package.");
        using ZipArchive zip = ZipFile.OpenRead(file);
        using (var reader = new StreamReader(Assert.Single(zip.Entries, e => e.FullName == "README.md").Open()))
        {
            string readme = reader.ReadToEnd().ReplaceLineEndings("\n");
            Assert.StartsWith($"# {package}\n", readme, StringComparison.Ordinal);
            // Beside a package there is no repository that a relative link could lead to.
            Assert.Empty(RelativeLink().Matches(readme).Select(link => $"{package}: {link.Value}"));
        }

        Assert.Contains(zip.Entries, e => e.FullName == "icon.png");
        Assert.Contains(zip.Entries, e => e.FullName == inside + ".dll");
        if (inside.StartsWith("lib/", StringComparison.Ordinal))
            Assert.Contains(zip.Entries, e => e.FullName == inside + ".xml");
        XElement metadata = Metadata(zip, package);
        Assert.Equal("MIT", Value(metadata, "license"));
        Assert.Equal("README.md", Value(metadata, "readme"));
        Assert.Equal("icon.png", Value(metadata, "icon"));
        Assert.NotEmpty(Value(metadata, "tags"));
        Assert.True(Value(metadata, "description").Length > 40, $"{package}: the description says nothing.");
    }

    /// <summary>The package's own description of itself.</summary>
    public static XElement Metadata(ZipArchive zip, string package)
    {
        using Stream nuspec = zip.GetEntry(package + ".nuspec")!.Open();
        return XDocument.Load(nuspec).Root!.Elements().Single();
    }

    public static string Value(XElement metadata, string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;

    [GeneratedRegex(@"\]\((?!https?:)[^)]*\)|<(?:img|a)\s[^>]*(?:src|href)=""(?!https?:)[^>]*>")]
    private static partial Regex RelativeLink();
}
