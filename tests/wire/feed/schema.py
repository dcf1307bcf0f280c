"""The schema of feeds, written down from the specification's prose and stricter than its own.

It allows no attribute and no element that the specification does not name, which its own XSD does.

Source: [MS-TSWP] 2.2.1, Resource List Syntax; 2.2.2, Schema Element Definitions.
"""

from lxml import etree

from dialback.wire.feed.negotiation import SchemaVersion

XS = "http://www.w3.org/2001/XMLSchema"
SIZES = (16, 32, 48, 64, 100, 256)

ICON = """
<xs:complexType name="raw">
  <xs:attribute name="FileType" type="kind" use="required"/>
  <xs:attribute name="FileURL" type="xs:anyURI" use="required"/>
</xs:complexType>
<xs:complexType name="sized">
  <xs:complexContent><xs:extension base="raw">
    <xs:attribute name="Dimensions" use="required">
      <xs:simpleType>
        <xs:restriction base="xs:string"><xs:pattern value="[0-9]+x[0-9]+"/></xs:restriction>
      </xs:simpleType>
    </xs:attribute>
  </xs:extension></xs:complexContent>
</xs:complexType>
<xs:simpleType name="kind">
  <xs:restriction base="xs:string"><xs:enumeration value="Ico"/><xs:enumeration value="Png"/></xs:restriction>
</xs:simpleType>
<xs:complexType name="folders">
  <xs:sequence><xs:element name="Folder" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
    <xs:attribute name="Name" use="required">
      <xs:simpleType>
        <xs:restriction base="xs:string"><xs:pattern value="/[^/]*"/></xs:restriction>
      </xs:simpleType>
    </xs:attribute>
  </xs:complexType></xs:element></xs:sequence>
</xs:complexType>
"""

RESOURCE = """
<xs:complexType name="resource">
  <xs:sequence>
    <xs:element name="Icons" type="icons"/>
    <xs:element name="FileExtensions"><xs:complexType><xs:sequence>
      <xs:element name="FileExtension" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        {association}
        <xs:attribute name="Name" use="required">
          <xs:simpleType>
            <xs:restriction base="xs:string"><xs:pattern value="[.].+"/></xs:restriction>
          </xs:simpleType>
        </xs:attribute>
        {handler}
      </xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    {folders}
    <xs:element name="HostingTerminalServers"><xs:complexType><xs:sequence>
      <xs:element name="HostingTerminalServer" maxOccurs="unbounded"><xs:complexType><xs:sequence>
        <xs:element name="ResourceFile"><xs:complexType>
          <xs:attribute name="FileExtension" type="xs:string" fixed=".rdp" use="required"/>
          <xs:attribute name="URL" type="xs:anyURI" use="required"/>
        </xs:complexType></xs:element>
        <xs:element name="TerminalServerRef"><xs:complexType>
          <xs:attribute name="Ref" type="xs:string" use="required"/>
        </xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence>
  <xs:attribute name="ID" type="xs:string" use="required"/>
  <xs:attribute name="Alias" type="xs:string" use="required"/>
  <xs:attribute name="Title" type="xs:string" use="required"/>
  <xs:attribute name="LastUpdated" type="xs:dateTime" use="required"/>
  <xs:attribute name="Type" use="required"><xs:simpleType><xs:restriction base="xs:string">
    <xs:enumeration value="Desktop"/><xs:enumeration value="RemoteApp"/>
  </xs:restriction></xs:simpleType></xs:attribute>
  <xs:attribute name="ExecutableName" type="xs:string"/>
  {shown}
</xs:complexType>
"""

COLLECTION = """
<xs:element name="ResourceCollection"><xs:complexType>
  <xs:sequence><xs:element name="Publisher">
    <xs:complexType>
      <xs:sequence>
        {sub_folders}
        <xs:element name="Resources"><xs:complexType><xs:sequence>
          <xs:element name="Resource" type="resource" minOccurs="0" maxOccurs="unbounded"/>
        </xs:sequence></xs:complexType></xs:element>
        <xs:element name="TerminalServers"><xs:complexType><xs:sequence>
          <xs:element name="TerminalServer" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
            <xs:attribute name="ID" type="xs:string" use="required"/>
            <xs:attribute name="Name" type="xs:string" use="required"/>
            <xs:attribute name="LastUpdated" type="xs:dateTime" use="required"/>
          </xs:complexType></xs:element>
        </xs:sequence></xs:complexType></xs:element>
      </xs:sequence>
      <xs:attribute name="LastUpdated" type="xs:dateTime" use="required"/>
      <xs:attribute name="Name" type="xs:string" use="required"/>
      <xs:attribute name="ID" type="xs:string" use="required"/>
      <xs:attribute name="Description" type="xs:string"/>
      {publisher}
    </xs:complexType>
    <xs:key name="resources"><xs:selector xpath="f:Resources/f:Resource"/><xs:field xpath="@ID"/></xs:key>
    <xs:key name="aliases"><xs:selector xpath="f:Resources/f:Resource"/><xs:field xpath="@Alias"/></xs:key>
    <xs:key name="servers">
      <xs:selector xpath="f:TerminalServers/f:TerminalServer"/><xs:field xpath="@ID"/>
    </xs:key>
    <xs:keyref name="hosting" refer="servers">
      <xs:selector xpath=".//f:TerminalServerRef"/><xs:field xpath="@Ref"/>
    </xs:keyref>
  </xs:element></xs:sequence>
  <xs:attribute name="PubDate" type="xs:dateTime" use="required"/>
  <xs:attribute name="SchemaVersion" type="xs:string" fixed="{version}" use="required"/>
</xs:complexType></xs:element>
"""


def schema_of(version: SchemaVersion) -> etree.XMLSchema:
    """Return what documents of the version are held against."""
    old = version is SchemaVersion.V1_1
    resource = RESOURCE.format(
        association=""
        if old
        else _sequence('<xs:element name="FileAssociationIcons" type="icons" minOccurs="0"/>'),
        handler="" if old else '<xs:attribute name="PrimaryHandler" fixed="True" use="required"/>',
        folders="" if old else '<xs:element name="Folders" type="folders"/>',
        shown='<xs:attribute name="ShowByDefault" type="xs:boolean" use="required"/>'
        if version is SchemaVersion.V2_1
        else "",
    )
    collection = COLLECTION.format(
        version=version.value,
        sub_folders="" if old else '<xs:element name="SubFolders" type="folders" minOccurs="0"/>',
        publisher=""
        if old
        else '<xs:attribute name="SupportsReconnect" type="xs:boolean" use="required"/>'
        '<xs:attribute name="DisplayFolder" type="xs:string"/>',
    )
    text = _icons(old) + ICON + resource + collection
    namespace = "http://schemas.microsoft.com/ts/2007/05/tswf"
    root = (
        f'<xs:schema xmlns:xs="{XS}" xmlns="{namespace}" xmlns:f="{namespace}" '
        f'targetNamespace="{namespace}" elementFormDefault="qualified">{text}</xs:schema>'
    )
    return etree.XMLSchema(etree.fromstring(root))


def _icons(old: bool) -> str:
    sized = "".join(f'<xs:element name="Icon{size}" type="sized" minOccurs="0"/>' for size in SIZES)
    other = "" if old else '<xs:element name="Icon" type="sized" minOccurs="0" maxOccurs="unbounded"/>'
    content = _sequence(f'<xs:element name="IconRaw" type="raw"/>{sized}{other}')
    return f'<xs:complexType name="icons">{content}</xs:complexType>'


def _sequence(content: str) -> str:
    return f"<xs:sequence>{content}</xs:sequence>"
